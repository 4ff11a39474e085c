"""A client as behind a custom domain, which goes on naming the API that the stack has."""

import re
from typing import Any

import requests

from tests.stack.client import Client, aws, wait_for


class DomainClient(Client):
    """On AWS the API keeps its id and its address through an update. The emulator makes a new one when its routes change."""

    def __init__(self, env: dict[str, str], token: str) -> None:
        super().__init__(env, token)
        self._formation = aws(env, "cloudformation")
        self._stack = env["STACK_NAME"]
        self._move()

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        def ask() -> requests.Response | None:
            answer = super(DomainClient, self).request(method, path, **options)
            if answer.status_code != 404 or "error" in answer.json():
                return answer
            self._move()  # the gateway itself knows no such API
            return None

        return wait_for("the API", ask)

    def _move(self) -> None:
        (stack,) = self._formation.describe_stacks(StackName=self._stack)["Stacks"]
        api = next(output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "RestAPIId")
        self._base = re.sub("/restapis/[^/]+/", f"/restapis/{api}/", self._base)

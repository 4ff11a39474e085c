"""A client that goes on while something else happens: it posts, reads its job, lists, and starts over."""

import threading
from types import TracebackType
from typing import Any, Self

import requests

from tests.stack.client import PATIENCE_SECONDS, wait_for
from tests.stack.upgrade.orders import Issuer

HARMLESS = {"POST": {200, 201}, "GET": {200}}


class Traffic:
    """Runs within the block. A request without an answer, or with a passing error, is made again, as any client does: the
    correlationId sees to it that it is one job.
    """

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.refused: list[tuple[str, int, str]] = []
        """What no client could make sense of: neither an answer nor a passing error."""
        self.interrupted: list[tuple[str, int, str]] = []
        self._ending, self._given_up = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.set()
        if error is None:
            self._thread.join(PATIENCE_SECONDS)
        self._given_up.set()
        self._thread.join()

    def go_on(self) -> None:
        """Returns when another three orders have been taken."""
        wanted = len(self.issuer.orders) + 3

        def taken() -> bool | None:
            assert self.refused == []
            return len(self.issuer.orders) >= wanted or None

        try:
            wait_for("three more orders", taken)
        except AssertionError as late:
            raise AssertionError(f"{late}; the last answers were {self.interrupted[-3:]}") from None

    def _run(self) -> None:
        while not self._ending.is_set():
            body = self.issuer.next_mint()
            job = self._until_answered("POST", "/api/v2/jobs", body)
            if job is None:
                return
            self.issuer.taken(body, job["job"]["_id"])
            self._until_answered("GET", f"/api/v2/jobs/{job['job']['_id']}")
            self._until_answered("GET", "/api/v2/jobs")

    def _until_answered(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        """None when it was refused; and when nobody waits for the answer any more, which only a test that fails does."""
        while not self._given_up.is_set():
            try:
                answer = self.issuer.client.request(method, path, json=body)
            except requests.ConnectionError as error:
                self.interrupted.append((path, 0, type(error).__name__))
                continue
            if answer.status_code in HARMLESS[method]:
                return dict(answer.json())
            if answer.status_code < 500:
                self.refused.append((path, answer.status_code, answer.text))
                return None
            self.interrupted.append((path, answer.status_code, answer.text))
        return None

"""The same template and zip once more, beside the session's stack: nothing there runs by itself, a test says what does.

Functions run in this process, with the environment that was deployed and with credentials of their own roles: every call is
allowed or refused by the policies that were deployed, or by what a test makes of them.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from botocore.session import get_session
from chalice.local import LambdaEventConverter, RouteMatcher

import app
from chalicelib.settings import settings
from stack.aws import Client
from stack.build.package import LOCAL_STAGE, package
from stack.deployment import emulator
from stack.deployment.deploy import deploy
from stack.machine.local import LocalStack
from stack.progress import silent
from tests.rights import Right, policy_files, without

NAME = "jobs-api-quiet"
CONFIRMATIONS = 12
"""So deep that what was mined a moment ago is not final before a test has looked, a block a second."""
HANDLERS = {
    "ExecuteJobs": "execute_jobs",
    "ConfirmJobs": "confirm_jobs",
    "ReconcileJobs": "reconcile_jobs",
    "RecordDeadLetters": "record_dead_letters",
}
Keys = tuple[str, str, str]
_REFUSED = re.compile(r"not authorized to perform: (\S+)")


@dataclass(frozen=True, slots=True)
class Function:
    """A deployed function: its environment, its role, and the one policy of that."""

    variables: Mapping[str, str]
    role_arn: str
    policy_name: str
    policy: dict[str, Any]

    @property
    def role(self) -> str:
        return self.role_arn.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an invocation came to."""

    result: Any = None
    error: str | None = None


class QuietStack:
    """Deployed when it is made; it goes with its emulator."""

    def __init__(self, beside: LocalStack) -> None:
        self.env = beside.env
        self.client = beside.client
        parameters = {
            "RpcUrls": self.env["RPC_URL"],
            "ChainId": self.env["CHAIN_ID"],
            "Confirmations": str(CONFIRMATIONS),
            "BlockSeconds": "1",
            "TokenFactory": self.env["TOKEN_FACTORY"],
            "WalletFactory": self.env["WALLET_FACTORY"],
        }
        self.outputs = deploy(package(LOCAL_STAGE, silent), self.client, silent, name=NAME, parameters=parameters)
        resources = self.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
        self.resources = {one["LogicalResourceId"]: str(one["PhysicalResourceId"]) for one in resources}
        self._silence([one["PhysicalResourceId"] for one in resources if one["ResourceType"] == "AWS::Events::Rule"])
        self.functions = {name: self._function(name) for name in policy_files()}
        self.refused: list[str] = []
        """The actions that AWS has refused them."""
        self._root: Keys = self.env["AWS_ACCESS_KEY_ID"], self.env["AWS_SECRET_ACCESS_KEY"], ""
        self._keys: dict[str, Keys] = {}
        self._warm: str | None = None
        self._session = get_session()
        self._session.register("after-call", self._note)

    def _silence(self, rules: list[str]) -> None:
        for rule in rules:
            self.client("events").disable_rule(Name=rule)
        for name in policy_files():
            lambdas = self.client("lambda")
            for mapping in lambdas.list_event_source_mappings(FunctionName=self.resources[name])["EventSourceMappings"]:
                lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    def _function(self, name: str) -> Function:
        deployed = self.client("lambda").get_function_configuration(FunctionName=self.resources[name])
        role = deployed["Role"].rpartition("/")[2]
        names = self.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
        (policy_name,) = (one for one in names if one != emulator.POLICY)
        policy = self.client("iam").get_role_policy(RoleName=role, PolicyName=policy_name)["PolicyDocument"]
        return Function(deployed["Environment"]["Variables"], deployed["Role"], policy_name, policy)

    def _note(self, parsed: Mapping[str, Any], **_: Any) -> None:
        error = parsed.get("Error", {})
        if "AccessDenied" in error.get("Code", ""):
            named = _REFUSED.search(error["Message"])
            self.refused.append(named[1] if named else error["Message"])

    # --- its functions -----------------------------------------------------------------------------------------------------

    def invoke(self, name: str, event: Mapping[str, Any], *, as_root: bool = False) -> Answer:
        """As the function, in a fresh environment of it: nothing is kept from an earlier event. As root it is the same code
        with every right: what a test needs to have happened before.
        """
        if self._warm is not None:
            assert (self._warm, False) == (name, as_root), "one process has one environment at a time"
            return self._run(name, event)
        with self._environment(name, self._root if as_root else self._credentials(name)):
            return self._run(name, event)

    @contextmanager
    def kept_warm(self, name: str) -> Iterator[None]:
        """Meanwhile only this function is invoked, in one environment that keeps what it keeps from one event to the next."""
        with self._environment(name, self._credentials(name)):
            self._warm = name
            try:
                yield
            finally:
                self._warm = None

    def request(self, method: str, path: str, token: str, body: Any = None, *, as_root: bool = False) -> Answer:
        """A request to the API; `result` is what its function gives the gateway."""
        event = {
            "method": method,
            "path": path,
            "headers": {"authorization": f"Bearer {token}", "content-type": "application/json"},
            "body": None if body is None else json.dumps(body),
        }
        return self.invoke("APIHandler", event, as_root=as_root)

    @contextmanager
    def _environment(self, name: str, keys: Keys) -> Iterator[None]:
        where = {"AWS_ENDPOINT_URL": self.env["AWS_ENDPOINT_URL"], "AWS_DEFAULT_REGION": self.env["AWS_REGION"]}
        with patch.dict(os.environ, {**self.functions[name].variables, **where}):
            self._session.set_credentials(*keys)
            _forget()
            vars(app.wiring)["_session"] = self._session  # it has read the services' models
            try:
                yield
            finally:
                _forget()

    @staticmethod
    def _run(name: str, event: Mapping[str, Any]) -> Answer:
        try:
            return Answer(_handler(name)(event))
        except Exception as error:  # noqa: BLE001 -- an invocation that failed, as Lambda tells it
            return Answer(error=f"{type(error).__name__}: {error}")

    # --- their rights ------------------------------------------------------------------------------------------------------

    @contextmanager
    def lacking(self, right: Right) -> Iterator[None]:
        """Meanwhile the function's role has its policy without this right."""
        function = self.functions[right.function]
        self._put(function, without(function.policy, right))
        try:
            yield
        finally:
            self._put(function, function.policy)

    def _put(self, function: Function, policy: Mapping[str, Any]) -> None:
        self.client("iam").put_role_policy(
            RoleName=function.role, PolicyName=function.policy_name, PolicyDocument=json.dumps(policy)
        )

    def clients_of(self, name: str) -> Client:
        """Clients with the rights of a function, and no others."""
        where = {"endpoint_url": self.env["AWS_ENDPOINT_URL"], "region_name": self.env["AWS_REGION"]}
        session = boto3.Session(*self._credentials(name))
        return cache(lambda service: session.client(service, **where))

    def _credentials(self, name: str) -> Keys:
        if name not in self._keys:
            role = self.functions[name].role_arn
            keys = self.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
            self._keys[name] = keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
        return self._keys[name]


def _forget() -> None:
    """Everything the functions keep."""
    settings.cache_clear()
    vars(app.wiring).clear()
    app.wiring.__init__()  # type: ignore[misc]


def _handler(name: str) -> Any:
    """The function of app.py, called as Lambda calls it; the API's with what the gateway makes of a request."""
    context = SimpleNamespace(
        function_name=f"{NAME}-{name}",
        function_version="$LATEST",
        invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{NAME}-{name}",
        memory_limit_in_mb=512,
        aws_request_id="test",
        get_remaining_time_in_millis=lambda: 30_000,
    )
    if name == "APIHandler":
        converter = LambdaEventConverter(RouteMatcher(list(app.app.routes)))
        return lambda event: app.app(converter.create_lambda_event(**event), context)
    return lambda event: getattr(app, HANDLERS[name])(event, context)

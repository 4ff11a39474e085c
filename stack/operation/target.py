"""The deployed stack that a command works on: a stage in AWS, or the stack on this machine."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import JobsApiError
from chalicelib.networks import Network
from chalicelib.settings import Settings, rpc_urls_of, settings_from
from chalicelib.store.accounts import DynamoAccountStore
from chalicelib.store.jobs import DynamoJobStore
from stack import paths, stack_env
from stack.aws import Client, clients, sentence
from stack.build.package import LOCAL_STAGE, require_stage
from stack.deployment.deploy import stack_name_of
from stack.errors import StackError


@dataclass(frozen=True)
class Target:
    """A stack by its name, and clients with the caller's own rights. Its properties are read when they are first used."""

    stage: str
    name: str
    client: Client

    @cached_property
    def _resources(self) -> list[tuple[str, str, str]]:
        """(logical id, type, physical id) of every resource. Raises StackError when the stack does not exist."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        try:
            found = [resource for page in pages for resource in page["StackResourceSummaries"]]
        except ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                raise self._no_stack() from None
            raise
        made = [one for one in found if one.get("PhysicalResourceId") and one["ResourceStatus"] != "DELETE_COMPLETE"]
        if not made:
            raise self._no_stack()
        return [(one["LogicalResourceId"], one["ResourceType"], one["PhysicalResourceId"]) for one in made]

    def _no_stack(self) -> StackError:
        return StackError(f"There is no stack {self.name}: `make deploy STAGE={self.stage}` makes it.")

    def of_type(self, kind: str) -> dict[str, str]:
        """Return the resources of a CloudFormation type: logical → physical ids."""
        return {logical: physical for logical, type_, physical in self._resources if type_ == kind}

    def resource(self, logical_id: str) -> str:
        """Return the physical id of a resource. Raises StackError when the stack does not have it."""
        for logical, _, physical in self._resources:
            if logical == logical_id:
                return physical
        raise StackError(f"The stack {self.name} has no {logical_id}: deploy it again.")

    @cached_property
    def settings(self) -> Settings:
        """The settings in the environment of its functions."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=self.resource("ExecuteJobs"))
        return settings_from(configuration["Environment"]["Variables"])

    @cached_property
    def network(self) -> Network:
        """The network with the RPC URLs that the functions use, which the caller needs the right to read."""
        network, secret_id = self.settings.network, self.settings.rpc_urls_id
        if secret_id is None or self.settings.rpc_urls is not None:
            return network
        text = self.client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"]
        return replace(network, rpc_urls=rpc_urls_of(text) or network.rpc_urls)

    @cached_property
    def rpc(self) -> RpcClient:
        return RpcClient(self.network.rpc_urls, chain_id=self.network.chain_id)

    @cached_property
    def chain(self) -> Node:
        return Node(self.network, self.rpc)

    @property
    def accounts(self) -> DynamoAccountStore:
        return DynamoAccountStore(self.client("dynamodb"), self.settings.accounts_table)

    @property
    def jobs(self) -> DynamoJobStore:
        return DynamoJobStore(self.client("dynamodb"), self.settings.jobs_table, self.settings.accounts_table)


@contextmanager
def target_of(stage: str, name: str | None = None) -> Iterator[Target]:
    """Open the stack of a stage. In the block, errors of AWS, nodes and tables become a StackError of one sentence."""
    try:
        yield Target(stage, name or stack_name_of(stage), clients_of(stage))
    except (ClientError, BotoCoreError) as error:
        raise sentence(error) from None
    except JobsApiError as error:
        raise StackError(error.message) from None


def clients_of(stage: str, endpoint_url: str | None = None) -> Client:
    """Return clients for a stage: of the running local stack for `local`, otherwise of the AWS that the environment names."""
    require_stage(stage)
    if stage != LOCAL_STAGE or endpoint_url:
        return clients(endpoint_url)
    env = local_environment()
    return clients(env["AWS_ENDPOINT_URL"], env["AWS_REGION"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])


def local_environment() -> Mapping[str, str]:
    """Return the values of the running local stack's stack.env. Raises StackError when no local stack is up."""
    env = stack_env.read(_local_env_file())
    if not env:
        raise StackError("The local stack is not up: `make up` starts it. To AWS go STAGE=spark and STAGE=fuse.")
    return env


def remember_local_api(rest_api_id: str) -> None:
    """Write the API's new URL into stack.env: the emulator makes a new API when the routes change."""
    env = dict(local_environment())
    env["API_URL"] = f"{env['AWS_ENDPOINT_URL']}/restapis/{rest_api_id}/{LOCAL_STAGE}/_user_request_"
    stack_env.write(_local_env_file(), env)


def _local_env_file() -> Path:
    elsewhere = os.environ.get("STACK_DIR")
    return Path(elsewhere) / "stack.env" if elsewhere else paths.STACK_ENV


def items(client: Any, table: str) -> Iterator[dict[str, Any]]:
    """Return every item of a table in DynamoDB's own format."""
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]

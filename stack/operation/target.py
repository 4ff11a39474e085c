"""The deployed stack that an operator's command works on: a stage in AWS, or the stack of this machine."""

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
from stack.build.package import LOCAL_STAGE, stages
from stack.deployment.deploy import stack_name_of
from stack.errors import StackError


@dataclass(frozen=True)
class Target:
    """A stack by its name, and clients with the caller's own rights. Everything about it is asked of it when it is needed."""

    stage: str
    name: str
    client: Client

    @cached_property
    def _resources(self) -> list[tuple[str, str, str]]:
        """(logical id, type, physical id) of all that the stack has. Raises StackError when there is no such stack."""
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
        """Logical → physical ids of the resources of a CloudFormation type."""
        return {logical: physical for logical, type_, physical in self._resources if type_ == kind}

    def resource(self, logical_id: str) -> str:
        """The physical id. Raises StackError when the stack has no such resource."""
        for logical, _, physical in self._resources:
            if logical == logical_id:
                return physical
        raise StackError(f"The stack {self.name} has no {logical_id}: deploy it again.")

    @cached_property
    def settings(self) -> Settings:
        """What its functions are told."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=self.resource("ExecuteJobs"))
        return settings_from(configuration["Environment"]["Variables"])

    @cached_property
    def network(self) -> Network:
        """With the RPC URLs that the functions use, read with the caller's own rights."""
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
    """The stack of a stage. Whatever AWS, the node or the tables refuse in the meantime is a StackError of one sentence."""
    try:
        yield Target(stage, name or stack_name_of(stage), clients_of(stage))
    except (ClientError, BotoCoreError) as error:
        raise sentence(error) from None
    except JobsApiError as error:
        raise StackError(error.message) from None


def clients_of(stage: str, endpoint_url: str | None = None) -> Client:
    """Clients of the AWS that a stage is in: this machine's for `local`, else the one that the environment says."""
    if stage not in stages():
        raise StackError(f"There is no stage {stage!r} in .chalice/config.json; there are {', '.join(stages())}.")
    if stage != LOCAL_STAGE or endpoint_url:
        return clients(endpoint_url)
    env = local_environment()
    return clients(env["AWS_ENDPOINT_URL"], env["AWS_REGION"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])


def local_environment() -> Mapping[str, str]:
    """What stack.env says of the running local stack. Raises StackError when none is up."""
    env = stack_env.read(_local_env_file())
    if not env:
        raise StackError("The local stack is not up: `make up` starts it. To AWS go STAGE=spark and STAGE=fuse.")
    return env


def remember_local_api(rest_api_id: str) -> None:
    """stack.env names the API that is there now: the emulator makes another one when its routes change."""
    env = dict(local_environment())
    env["API_URL"] = f"{env['AWS_ENDPOINT_URL']}/restapis/{rest_api_id}/{LOCAL_STAGE}/_user_request_"
    stack_env.write(_local_env_file(), env)


def _local_env_file() -> Path:
    elsewhere = os.environ.get("STACK_DIR")
    return Path(elsewhere) / "stack.env" if elsewhere else paths.STACK_ENV


def items(client: Any, table: str) -> Iterator[dict[str, Any]]:
    """Every item of a table, as DynamoDB writes it."""
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]

"""Delete a stack, find what it leaves behind, and adopt that into a new stack."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.chain.signing.aws_new_keys import STACK_TAG
from stack.aws import Client
from stack.deployment import change_sets
from stack.deployment.deploy import deployed_template
from stack.deployment.index_steps import Template
from stack.deployment.leftovers import IDENTIFIERS, delete
from stack.deployment.waiting import poll_seconds, stack_of
from stack.errors import StackError
from stack.progress import Say

TABLES = ("JobsTable", "AccountsTable")
RETAIN = "Retain"
RETAINING = {RETAIN, "RetainExceptOnCreate"}


def destroy(client: Client, name: str, say: Say, *, with_tables: bool) -> dict[str, str]:
    """Delete the stack. Its tables stay unless `with_tables`, and so does what its template retains.

    Returns what still exists: logical → physical ids. Raises StackError when the stack does not exist, or with the reason of
    what could not be deleted.
    """
    stack = stack_of(client, name)
    if stack is None:
        raise StackError(f"There is no stack {name}.")
    physical = _physical(client, name)
    tables = {table: physical[table] for table in TABLES if table in physical}
    template = deployed_template(client, name)
    kept = {one for one in physical if template["Resources"].get(one, {}).get("DeletionPolicy") in RETAINING}
    if with_tables:
        _unprotect(client, tables.values())
        kept -= tables.keys()
    else:
        _retain(client, name, stack, template, say)
        kept |= tables.keys()
    say(f"Deleting stack {name}")
    delete(client, stack, say)
    if with_tables:
        _delete_tables(client, tables.values(), say)
    return {one: physical[one] for one in physical if one in kept}


def _physical(client: Client, name: str) -> dict[str, str]:
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
    found = [one for page in pages for one in page["StackResourceSummaries"] if one["ResourceStatus"] != "DELETE_COMPLETE"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if one.get("PhysicalResourceId")}


def _retain(client: Client, name: str, stack: Mapping[str, Any], template: Template, say: Say) -> None:
    """Make the deployed stack retain its tables. Templates of older versions and of the local stage would delete them."""
    resources = [template["Resources"][table] for table in TABLES if table in template["Resources"]]
    if all(resource.get("DeletionPolicy") in RETAINING for resource in resources):
        return
    for resource in resources:
        resource |= {"DeletionPolicy": RETAIN, "UpdateReplacePolicy": RETAIN}
    say("Updating the stack so that its tables stay")
    change = change_sets.create(client, name, template, {}, existing=stack, say=say)
    if change is not None:
        change_sets.execute(client, name, change, say=say)


def _unprotect(client: Client, names: Iterable[str]) -> None:
    """Remove the deletion protection of the tables: AWS deletes no protected table."""
    dynamodb = client("dynamodb")
    for name in names:
        if dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)


def _delete_tables(client: Client, names: Iterable[str], say: Say) -> None:
    """Delete the tables that the stack has left, and wait until they are gone."""
    dynamodb = client("dynamodb")
    for name in names:
        try:
            dynamodb.delete_table(TableName=name)
            say(f"Deleting table {name}")
            while True:
                dynamodb.describe_table(TableName=name)
                time.sleep(poll_seconds(client))
                say(f"Table {name} is being deleted")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise


def keys_of_accounts(client: Client, accounts_table: str) -> list[str]:
    """Return the ids of the KMS keys that the account rows name. A key that the API made has no tag to find it by."""
    try:
        pages = list(client("dynamodb").get_paginator("scan").paginate(TableName=accounts_table))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return []
    references = [item["keyReference"]["S"] for page in pages for item in page["Items"] if "keyReference" in item]
    return sorted(reference.removeprefix("kms:") for reference in references if reference.startswith("kms:"))


def signing_keys(client: Client, name: str, keys_of_accounts: Iterable[str] = ()) -> Iterator[str]:
    """Return what signs for the stack's accounts and is in no template.

    These are the KMS keys that its account rows name or that have its tag, and the names of the accounts' secrets.
    """
    tagged: list[str] = []
    wanted = [{"Key": STACK_TAG, "Values": [name]}]
    tagging = client("resourcegroupstaggingapi").get_paginator("get_resources")
    for page in tagging.paginate(TagFilters=wanted, ResourceTypeFilters=["kms:key"]):
        tagged += [resource["ResourceARN"] for resource in page["ResourceTagMappingList"]]
    yield from tagged
    yield from (key for key in keys_of_accounts if not any(arn == key or arn.endswith(f"/{key}") for arn in tagged))
    of_accounts = [{"Key": "name", "Values": [f"{name}/accounts/"]}]
    for page in client("secretsmanager").get_paginator("list_secrets").paginate(Filters=of_accounts):
        yield from (secret["Name"] for secret in page["SecretList"])


# --- adopting ----------------------------------------------------------------------------------------------------------


def adopt(client: Client, name: str, template: Template, physical: Mapping[str, str], *, say: Say, **parameters: str) -> None:
    """Create a stack of these existing resources alone: logical → physical ids. A deployment afterwards adds the rest.

    Raises StackError when the stack exists, or with CloudFormation's reason.
    """
    if stack_of(client, name) is not None:
        raise StackError(f"There is a stack {name}: what exists can only be taken up by a new one.")
    kinds = {one: template["Resources"].get(one, {}).get("Type", "") for one in physical}
    unknown = sorted(one for one, kind in kinds.items() if kind not in IDENTIFIERS)
    if unknown:
        possible = ", ".join(sorted(one for one, resource in template["Resources"].items() if resource["Type"] in IDENTIFIERS))
        raise StackError(f"ADOPT cannot take up {', '.join(unknown)}; it can {possible}.")
    part: Template = {
        **{key: template[key] for key in ("AWSTemplateFormatVersion", "Parameters", "Conditions") if key in template},
        "Resources": {one: {**template["Resources"][one], "DeletionPolicy": RETAIN} for one in physical},
    }
    identifiers = [
        {"ResourceType": kinds[one], "LogicalResourceId": one, "ResourceIdentifier": {IDENTIFIERS[kinds[one]]: id_}}
        for one, id_ in physical.items()
    ]
    say(f"Taking up {', '.join(physical.values())} in a new stack {name}")
    change = change_sets.create(client, name, part, parameters, existing=None, say=say, importing=identifiers)
    if change is not None:
        change_sets.execute(client, name, change, say=say)

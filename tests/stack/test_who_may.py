"""Who may what: each role is refused what belongs to another, what belongs to another stack, and what nobody needs.

What only AWS decides, conditions on a request's attributes among it, is looked at in the template (tests/deploy).
"""

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.chain.signing.aws_new_keys import STACK_TAG, with_policy
from stack.aws import Client
from tests.stack.quiet import NAME
from tests.stack.scene import Scene

API, EXECUTE, CONFIRM = "APIHandler", "ExecuteJobs", "ConfirmJobs"
RECONCILE, DEAD_LETTERS = "ReconcileJobs", "RecordDeadLetters"
NOBODY: set[str] = set()

DIGEST = {"Message": b"0" * 32, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
OURS = [{"TagKey": STACK_TAG, "TagValue": NAME}]

Operation = Callable[[Client, Scene], Any]


def key_of(table: str) -> dict[str, Any]:
    return {"jobId" if table == "JobsTable" else "accountId": {"S": "nobody"}}


def on_item(action: str, table: str) -> Operation:
    """Of the quiet stack's table: a row that is not there, or is a row of nothing."""
    named = {"Item" if action == "put_item" else "Key": key_of(table)}
    return lambda client, scene: getattr(client("dynamodb"), action)(TableName=scene.stack.resources[table], **named)


def scan(table: str) -> Operation:
    return lambda client, scene: client("dynamodb").scan(TableName=scene.stack.resources[table], Limit=1)


def write_together(table: str) -> Operation:
    """A transaction is allowed as what it does to each item."""
    return lambda client, scene: client("dynamodb").transact_write_items(
        TransactItems=[{"Delete": {"TableName": scene.stack.resources[table], "Key": key_of(table)}}]
    )


def send(queue: str) -> Operation:
    fifo = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if queue.startswith("Execute") else {}
    return lambda client, scene: client("sqs").send_message(QueueUrl=scene.stack.resources[queue], MessageBody="x", **fifo)


def receive(queue: str) -> Operation:
    return lambda client, scene: client("sqs").receive_message(QueueUrl=scene.stack.resources[queue], VisibilityTimeout=0)


def read_secret(name: str) -> Operation:
    return lambda client, scene: client("secretsmanager").get_secret_value(
        SecretId=name.format(env=scene.stack.env, quiet=NAME)
    )


def read_secret_of_an_account(client: Client, scene: Scene) -> None:
    secret = scene.issuer(kms=False).account.key.removeprefix("secret:")
    client("secretsmanager").get_secret_value(SecretId=secret)


def new_key(client: Client, tag: str | None) -> str:
    tags = {} if tag is None else {"Tags": [{"TagKey": STACK_TAG, "TagValue": tag}]}
    return str(client("kms").create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY", **tags)["KeyMetadata"]["KeyId"])


def sign(tag: str | None) -> Operation:
    """With a key of this stack's, of another's, or of nobody's."""
    return lambda client, scene: client("kms").sign(KeyId=new_key(scene.stack.client, tag), **DIGEST)


def made_by_the_api(client: Client, scene: Scene) -> str:
    """A key as the API makes it."""
    policy = scene.stack.functions[API].variables["KEY_POLICY"]
    asked = {"KeySpec": "ECC_SECG_P256K1", "KeyUsage": "SIGN_VERIFY", **with_policy(policy)}
    return str(client("kms").create_key(**asked)["KeyMetadata"]["KeyId"])


def with_a_key_of_the_api(action: str, **asked: Any) -> Operation:
    return lambda client, scene: getattr(client("kms"), action)(KeyId=made_by_the_api(scene.stack.client, scene), **asked)


def with_a_key_of_nobody(action: str, **asked: Any) -> Operation:
    return lambda client, scene: getattr(client("kms"), action)(KeyId=new_key(scene.stack.client, None), **asked)


def write_a_log_of(function: str) -> Operation:
    def write(client: Client, scene: Scene) -> None:
        group = f"/aws/lambda/{scene.stack.resources[function]}"
        if not scene.stack.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            scene.stack.client("logs").create_log_group(logGroupName=group)
        client("logs").create_log_stream(logGroupName=group, logStreamName=secrets.token_hex(8))

    return write


def change_a_policy(client: Client, scene: Scene) -> None:
    """To what it is."""
    execute = scene.stack.functions[EXECUTE]
    document = json.dumps(execute.policy)
    client("iam").put_role_policy(RoleName=execute.role, PolicyName=execute.policy_name, PolicyDocument=document)


def become(function: str) -> Operation:
    return lambda client, scene: client("sts").assume_role(
        RoleArn=scene.stack.functions[function].role_arn, RoleSessionName="another"
    )


OPERATIONS: Mapping[str, tuple[Operation, set[str]]] = {
    "store a job": (on_item("put_item", "JobsTable"), {API, EXECUTE, CONFIRM, RECONCILE, DEAD_LETTERS}),
    "update a job in part": (on_item("update_item", "JobsTable"), NOBODY),
    "delete a job": (on_item("delete_item", "JobsTable"), NOBODY),
    "delete a job in a transaction": (write_together("JobsTable"), NOBODY),
    "read all jobs": (scan("JobsTable"), NOBODY),
    "store an account": (on_item("put_item", "AccountsTable"), {API, RECONCILE}),
    "update an account": (on_item("update_item", "AccountsTable"), {API, EXECUTE, RECONCILE}),
    "delete an account": (on_item("delete_item", "AccountsTable"), NOBODY),
    "read all accounts": (scan("AccountsTable"), {API, RECONCILE}),
    "read a job of another stack": (
        lambda client, scene: client("dynamodb").get_item(TableName=scene.stack.env["JOBS_TABLE"], Key=key_of("JobsTable")),
        NOBODY,
    ),
    "nudge execute": (send("ExecuteQueue"), {API, CONFIRM, RECONCILE}),
    "nudge confirm": (send("ConfirmQueue"), {API, EXECUTE, CONFIRM, RECONCILE}),
    "nudge another stack": (
        lambda client, scene: client("sqs").send_message(QueueUrl=scene.stack.env["CONFIRM_QUEUE_URL"], MessageBody="{}"),
        NOBODY,
    ),
    "make a dead letter": (send("ConfirmDeadLetters"), NOBODY),
    "receive from execute": (receive("ExecuteQueue"), {EXECUTE}),
    "receive from confirm": (receive("ConfirmQueue"), {CONFIRM}),
    "receive a dead letter": (receive("ConfirmDeadLetters"), {DEAD_LETTERS}),
    "empty a queue": (
        lambda client, scene: client("sqs").purge_queue(QueueUrl=scene.stack.resources["ConfirmDeadLetters"]),
        NOBODY,
    ),
    "sign": (sign(NAME), {EXECUTE, CONFIRM}),
    "sign with a key of another stack": (sign("jobs-api-local"), NOBODY),
    "sign with a key that is no account's": (sign(None), NOBODY),
    "read an account's key": (read_secret_of_an_account, {EXECUTE, CONFIRM}),
    "read an account's key of another stack": (
        read_secret("{env[STACK_NAME]}/accounts/{env[OTHER_ISSUER_ACCOUNT]}"),
        NOBODY,
    ),
    "read the key of the tokens": (read_secret("{quiet}/jwt"), {API}),
    "read the key of another stack's tokens": (read_secret("{env[STACK_NAME]}/jwt"), NOBODY),
    "read the key of the phone numbers": (read_secret("{quiet}/phone-numbers"), {API}),
    "read the key of another stack's phone numbers": (read_secret("{env[STACK_NAME]}/phone-numbers"), NOBODY),
    "read the RPC URLs": (read_secret("{quiet}/rpc-urls"), {API, EXECUTE, CONFIRM, RECONCILE}),
    "read the RPC URLs of another stack": (read_secret("{env[STACK_NAME]}/rpc-urls"), NOBODY),
    "change the key of the tokens": (
        lambda client, scene: client("secretsmanager").update_secret(SecretId=f"{NAME}/jwt", Description="ours"),
        NOBODY,
    ),
    "make an account's key": (made_by_the_api, {API}),
    "sign with a key that the API made": (with_a_key_of_the_api("sign", **DIGEST), {EXECUTE, CONFIRM}),
    "read the public key of a key that the API made": (with_a_key_of_the_api("get_public_key"), {API}),
    "read the public key of a key that is no account's": (with_a_key_of_nobody("get_public_key"), NOBODY),
    "make a key with the tag of the stack": (lambda client, _: new_key(client, NAME), NOBODY),
    "make a key with the tag of another stack": (lambda client, _: new_key(client, "jobs-api-local"), NOBODY),
    "tag a key that is no account's": (with_a_key_of_nobody("tag_resource", Tags=OURS), NOBODY),
    "tag a key that the API made": (with_a_key_of_the_api("tag_resource", Tags=OURS), NOBODY),
    "change the policy of a key that is no account's": (
        with_a_key_of_nobody("put_key_policy", PolicyName="default", Policy="{}"),
        NOBODY,
    ),
    "change the policy of a key that the API made": (
        with_a_key_of_the_api("put_key_policy", PolicyName="default", Policy="{}"),
        NOBODY,
    ),
    "delete a key that the API made": (with_a_key_of_the_api("schedule_key_deletion"), NOBODY),
    "delete a key": (
        lambda client, scene: client("kms").schedule_key_deletion(KeyId=new_key(scene.stack.client, NAME)),
        NOBODY,
    ),
    "write the API's log": (write_a_log_of(API), {API}),
    "write confirm's log": (write_a_log_of(CONFIRM), {CONFIRM}),
    "change a role's policy": (change_a_policy, NOBODY),
    "become execute": (become(EXECUTE), NOBODY),
}


@pytest.fixture(scope="module")
def roles(scene: Scene) -> Mapping[str, Client]:
    return {name: scene.stack.clients_of(name) for name in scene.stack.functions}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_it_is_allowed_to_those_who_need_it_and_refused_to_all_others(
    operation: str, scene: Scene, roles: Mapping[str, Client]
) -> None:
    call, those_who_may = OPERATIONS[operation]
    call(scene.stack.client, scene)  # by root: it is a call that can be made
    assert {name for name, client in roles.items() if _is_allowed(call, client, scene)} == those_who_may


def _is_allowed(call: Operation, client: Client, scene: Scene) -> bool:
    try:
        call(client, scene)
    except ClientError as error:
        if "AccessDenied" not in error.response["Error"]["Code"]:
            raise
        return False
    return True

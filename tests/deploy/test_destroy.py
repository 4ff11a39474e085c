"""A stack that is taken away leaves its data, unless that is asked for; and what is left is taken up again."""

import json

import pytest
from botocore.exceptions import ClientError

from stack.aws import Client
from stack.build.package import Package
from stack.deployment.deploy import deploy
from stack.deployment.destroy import TABLES, adopt, destroy, keys_of_accounts, signing_keys
from stack.deployment.waiting import stack_of
from stack.errors import StackError
from stack.operation.accounts import create_kms_account, create_secret_account, register
from stack.progress import silent


def tables_of(aws: Client, name: str) -> dict[str, str]:
    resources = aws("cloudformation").list_stack_resources(StackName=name)["StackResourceSummaries"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources if one["LogicalResourceId"] in TABLES}


def is_there(aws: Client, table: str) -> bool:
    try:
        aws("dynamodb").describe_table(TableName=table)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ResourceNotFoundException"
        return False
    return True


@pytest.mark.parametrize("stage", ["local", "spark"])
def test_the_tables_stay_with_what_is_in_them_and_are_taken_up_again(
    stage: str, aws: Client, packages: dict[str, Package]
) -> None:
    name = f"taken-up-{stage}"
    outputs = deploy(packages[stage], aws, silent, name=name)
    account = create_kms_account(aws, name, outputs["AccountsTableName"], 122)
    tables = tables_of(aws, name)
    kept = destroy(aws, name, silent, with_tables=False)
    assert stack_of(aws, name) is None
    assert tables.items() <= kept.items()
    assert "PhoneNumbersSecret" in kept
    assert all(is_there(aws, table) for table in tables.values())

    # The emulator cannot take up a secret; AWS can. Here another one is made.
    aws("secretsmanager").delete_secret(SecretId=kept["PhoneNumbersSecret"], ForceDeleteWithoutRecovery=True)
    template = json.loads(packages[stage].template.read_text())
    adopt(aws, name, template, tables, say=silent)
    again = deploy(packages[stage], aws, silent, name=name)
    assert tables_of(aws, name) == tables
    assert again["AccountsTableName"] == outputs["AccountsTableName"]
    key = {"accountId": {"S": account.account_id}}
    assert "Item" in aws("dynamodb").get_item(TableName=outputs["AccountsTableName"], Key=key)


def test_tables_go_when_that_is_asked_for_also_protected_ones(aws: Client, packages: dict[str, Package]) -> None:
    outputs = deploy(packages["spark"], aws, silent, name="gone")
    accounts = [
        create(aws, "gone", outputs["AccountsTableName"], 122) for create in (create_kms_account, create_secret_account)
    ]
    untagged = aws("kms").create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    register(aws, outputs["AccountsTableName"], 122, "0x" + "11" * 20, f"kms:{untagged}")
    made = keys_of_accounts(aws, outputs["AccountsTableName"])
    tables = tables_of(aws, "gone")
    for table in tables.values():
        aws("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=True)
    kept = destroy(aws, "gone", silent, with_tables=True)
    assert stack_of(aws, "gone") is None
    assert not any(is_there(aws, table) for table in tables.values())
    assert tables.keys().isdisjoint(kept)
    keys = list(signing_keys(aws, "gone", made))
    assert len(keys) == 3
    assert untagged in keys, "a key that the API made has no tag"
    assert keys_of_accounts(aws, outputs["AccountsTableName"]) == [], "the table is gone"
    for account in accounts:
        assert any(account.key.rpartition(":")[2].rpartition("/")[2] in key for key in keys), keys


def test_a_stack_that_is_not_there_is_one_sentence(aws: Client) -> None:
    with pytest.raises(StackError, match="There is no stack nothing"):
        destroy(aws, "nothing", silent, with_tables=False)


def test_only_what_can_be_taken_up_is_and_only_by_a_new_stack(aws: Client, packages: dict[str, Package]) -> None:
    template = json.loads(packages["spark"].template.read_text())
    with pytest.raises(StackError, match=r"ADOPT cannot take up ExecuteQueue; it can .*JobsTable"):
        adopt(aws, "new", template, {"ExecuteQueue": "x"}, say=silent)
    with pytest.raises(StackError, match=r"CloudFormation refuses the template of new: .*nowhere"):
        adopt(aws, "new", template, {"JobsTable": "nowhere"}, say=silent)
    assert stack_of(aws, "new") is None
    deploy(packages["spark"], aws, silent, name="old")
    with pytest.raises(StackError, match="There is a stack old"):
        adopt(aws, "old", template, {"JobsTable": "x"}, say=silent)

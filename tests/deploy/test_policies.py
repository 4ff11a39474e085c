"""What the emulator does not look at: rights that AWS uses itself, and conditions on what a request asks for."""

import json
from typing import Any

from stack.build.package import Package
from tests.deploy.reading import statements_of
from tests.rights import (
    BY_AWS,
    CHALICE,
    LOGGING,
    RECEIVING,
    STATEMENTS,
    TRACING,
    policy_files,
    resource_name,
    rights,
)

SIGNERS = {"ExecuteJobs", "ConfirmJobs"}


def test_every_stage_has_the_policies_that_are_tried_on_the_local_one(built: Package, resources: dict[str, Any]) -> None:
    assert policy_files(built.stage) == policy_files()
    for function, file in policy_files().items():
        assert list(statements_of(function, resources)) == json.loads((CHALICE / file).read_text())["Statement"], function


def test_what_aws_does_in_a_functions_name_it_may_and_no_more(resources: dict[str, Any]) -> None:
    """As AWS documents it (see tests/rights.py for where): what no test can take away and see missed."""
    is_traced = any(stage.get("xray") for stage in json.loads((CHALICE / "config.json").read_text())["stages"].values())
    for function in policy_files():
        events = resources[function]["Properties"].get("Events", {}).values()
        queues = [event["Properties"]["Queue"] for event in events if event["Type"] == "SQS"]
        log = f"log-group:/aws/lambda/<stack>-{function}-*"
        wanted = {(action, resource_name(queue)) for action in RECEIVING for queue in queues}
        wanted |= {(action, log) for action in LOGGING}
        has = {(right.action, right.resource) for right in rights() if right.function == function}
        if function in SIGNERS:
            wanted |= {(action, "JobsTable") for action in STATEMENTS}
        if is_traced:
            wanted |= {(action, "*") for action in TRACING}
        assert {right for right in has if right[0] in BY_AWS} == wanted, function


def test_a_key_signs_hashes_of_its_own_stack_and_by_no_other_algorithm(resources: dict[str, Any]) -> None:
    """The two of the request are IfExists for the emulator, which knows neither; AWS has both with every Sign."""
    expected = {
        "StringEquals": {"aws:ResourceTag/jobs-api:stack": {"Ref": "AWS::StackName"}},
        "StringEqualsIfExists": {"kms:SigningAlgorithm": "ECDSA_SHA_256", "kms:MessageType": "DIGEST"},
    }
    conditions = {
        function: statement["Condition"]
        for function in policy_files()
        for statement in statements_of(function, resources)
        if "kms:Sign" in statement["Action"]
    }
    assert conditions == dict.fromkeys(SIGNERS, expected)


def test_a_key_that_the_api_makes_is_the_workers_to_sign_with_and_the_accounts_to_manage(resources: dict[str, Any]) -> None:
    """By its key policy, which only CreateKey can set where nobody has the right to PutKeyPolicy. The roles are named by their
    names, so that a stack of the same name that is made anew may sign, too; the emulator names a session's principal by it.
    """
    policy = json.loads(resources["APIHandler"]["Properties"]["Environment"]["Variables"]["KEY_POLICY"]["Fn::Sub"])
    whole, sign, read = policy["Statement"]
    account = "arn:${AWS::Partition}:iam::${AWS::AccountId}"
    assert (whole["Principal"], whole["Action"]) == ({"AWS": f"{account}:root"}, "kms:*")
    assert (sign["Action"], read["Action"]) == ("kms:Sign", "kms:GetPublicKey")
    for statement, roles in ((sign, ["ExecuteJobsRole", "ConfirmJobsRole"]), (read, ["ApiHandlerRole"])):
        assert statement["Condition"]["StringEquals"] == {"aws:PrincipalAccount": "${AWS::AccountId}"}
        assert all(resources[role]["Type"] == "AWS::IAM::Role" for role in roles)
        sessions = "arn:${AWS::Partition}:sts::${AWS::AccountId}:assumed-role"
        assert set(statement["Condition"]["ArnLike"]["aws:PrincipalArn"]) == {
            *(f"{account}:role/${{{role}}}" for role in roles),
            *(f"{account}:role/${{AWS::StackName}}-{role}-*" for role in roles),
            *(f"{sessions}/${{AWS::StackName}}-{role}-*" for role in roles),
        }


def test_only_the_api_is_told_the_policy_of_new_keys(resources: dict[str, Any]) -> None:
    told = {
        name
        for name in policy_files()
        if "KEY_POLICY" in resources[name]["Properties"].get("Environment", {}).get("Variables", {})
    }
    assert told == {"APIHandler"}

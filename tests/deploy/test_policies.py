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
    TAGGING,
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
        if ("kms:CreateKey", "*") in has:
            wanted |= {(action, "key/*") for action in TAGGING}
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

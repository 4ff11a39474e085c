"""What is kept: how it is encrypted, how long, and what nobody deletes by mistake."""

import json
from fnmatch import fnmatchcase
from typing import Any

from stack.build.package import Package
from tests.deploy.reading import as_list, functions, of_type, statements_of

KEPT = ("JobsTable", "AccountsTable")
"""What nothing else could tell again."""


def test_the_tables_are_encrypted_and_cost_nothing_when_idle(resources: dict[str, Any]) -> None:
    for name, table in of_type(resources, "AWS::DynamoDB::Table").items():
        assert table["Properties"]["SSESpecification"]["SSEEnabled"] is True, name
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST", name


def test_the_jwt_secret_is_generated_and_long_enough(resources: dict[str, Any]) -> None:
    properties = resources["JwtSecret"]["Properties"]
    assert "SecretString" not in properties
    assert properties["GenerateSecretString"]["PasswordLength"] >= 64
    assert "SecretStringTemplate" not in properties["GenerateSecretString"]


def test_the_key_of_the_phone_numbers_is_generated_and_outlives_its_stack(resources: dict[str, Any]) -> None:
    """Every look-up by phone number depends on it. A stack that never came up leaves nothing behind, or it could not be
    created again.
    """
    secret = resources["PhoneNumbersSecret"]
    assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert secret["Properties"]["Description"]
    assert secret["Properties"]["Name"] == {"Fn::Sub": "${AWS::StackName}/phone-numbers"}
    assert secret["Properties"]["GenerateSecretString"] == {"PasswordLength": 64, "ExcludePunctuation": True}


def test_no_row_ever_expires_but_those_of_the_limits(resources: dict[str, Any]) -> None:
    tables = of_type(resources, "AWS::DynamoDB::Table")
    expiring = {name: table["Properties"].get("TimeToLiveSpecification") for name, table in tables.items()}
    by_time = {"AttributeName": "expiresAt", "Enabled": True}
    assert {name: how for name, how in expiring.items() if how} == {"LimitsTable": by_time}


def test_the_tables_can_be_put_back_to_any_second_of_the_last_days(resources: dict[str, Any]) -> None:
    for name in KEPT:
        table = resources[name]
        assert table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True, name


def test_nobody_deletes_a_table_with_its_stack_but_on_one_machine(built: Package, resources: dict[str, Any]) -> None:
    """A stage whose tables are to go says so table by table; the local one has to go as a whole."""
    local = built.stage == "local"
    for name in KEPT:
        table = resources[name]
        kept = "Delete" if local else "Retain"
        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == (kept, kept), name
        assert table["Properties"].get("DeletionProtectionEnabled", False) is not local, name


def test_the_queues_are_encrypted(resources: dict[str, Any]) -> None:
    for name, queue in of_type(resources, "AWS::SQS::Queue").items():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True, name


def test_cloudwatch_may_use_the_key_of_the_topic_and_no_other_account_may(resources: dict[str, Any]) -> None:
    """Without, an alarm rings and nobody hears it: CloudWatch says so nowhere."""
    assert resources["AlarmTopic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "AlarmKey"}
    key = resources["AlarmKey"]["Properties"]
    assert key["EnableKeyRotation"] is True
    (statement,) = (one for one in key["KeyPolicy"]["Statement"] if one["Principal"] == {"Service": "cloudwatch.amazonaws.com"})
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_every_function_logs_into_a_group_of_the_template_that_is_kept_for_so_long_and_no_longer(
    resources: dict[str, Any],
) -> None:
    groups = {}
    for name, function in functions(resources).items():
        groups[name] = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        assert resources[groups[name]]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name
    assert len(set(groups.values())) == len(groups)


def test_every_function_may_write_its_own_log(resources: dict[str, Any]) -> None:
    for name, function in functions(resources).items():
        group = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        stream = resources[group]["Properties"]["LogGroupName"]["Fn::Sub"] + ":log-stream:of-an-execution"
        writable = [
            resource
            for statement in statements_of(name, resources)
            for resource in as_list(statement["Resource"])
            if {"logs:CreateLogStream", "logs:PutLogEvents"} <= set(as_list(statement["Action"]))
        ]
        patterns = [json.dumps(one).rstrip('"}').rpartition(":log-group:")[2] for one in writable]
        assert any(fnmatchcase(stream, pattern) for pattern in patterns) or f"${{{group}.Arn}}" in json.dumps(writable), name


def test_the_access_log_names_routes_not_paths_and_nothing_of_the_request_itself(resources: dict[str, Any]) -> None:
    """A path holds a phone number, a header a token, a query an issuer's ids."""
    condition, logged, otherwise = resources["RestAPI"]["Properties"]["AccessLogSetting"]["Fn::If"]
    assert (condition, otherwise) == ("AccessesAreLogged", {"Ref": "AWS::NoValue"})
    assert set(json.loads(logged["Format"]).values()) == {
        "$context.requestId",
        "$context.requestTime",
        "$context.identity.sourceIp",
        "$context.httpMethod",
        "$context.resourcePath",
        "$context.status",
        "$context.error.responseType",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.integrationLatency",
    }


def test_the_gateway_writes_no_traces_for_they_hold_urls(resources: dict[str, Any]) -> None:
    """And URLs hold phone numbers. Its execution logs, which hold bodies and headers, are off, too."""
    properties = resources["RestAPI"]["Properties"]
    assert properties["TracingEnabled"] is False
    assert not any({"LoggingLevel", "DataTraceEnabled"} & set(setting) for setting in properties["MethodSettings"])


def test_access_logs_are_asked_for(template: dict[str, Any]) -> None:
    """API Gateway writes logs by one role for a whole account and region: a stack that set it would take it from others, and
    one without it would not come up.
    """
    assert template["Parameters"]["AccessLogs"]["Default"] == "off"
    assert template["Conditions"]["AccessesAreLogged"] == {"Fn::Equals": [{"Ref": "AccessLogs"}, "on"]}
    assert template["Resources"]["AccessLog"]["Condition"] == "AccessesAreLogged"
    assert not of_type(template["Resources"], "AWS::ApiGateway::Account")

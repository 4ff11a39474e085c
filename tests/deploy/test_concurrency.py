"""A new stack's workers fit the AWS account that it is deployed to: its quota is read."""

from typing import Any

import pytest

from stack.aws import Client
from stack.build.package import Package
from stack.deployment.concurrency import DEFAULTS, SOURCES, check_existing, for_new_stack
from stack.deployment.deploy import deploy
from tests.deploy.reading import sqs_sources
from tests.deploy.test_deploy import parameters
from tests.fakes.lambda_quota import LambdaQuota

SMALLEST = {"ExecuteConcurrency": "2", "ConfirmConcurrency": "2"}


def test_the_defaults_are_the_templates(template: dict[str, Any]) -> None:
    limits = [
        properties["ScalingConfig"]["MaximumConcurrency"]["Fn::If"] for _, _, properties in sqs_sources(template["Resources"])
    ]
    found = {given["Ref"]: default for _, default, given in limits}
    assert found == DEFAULTS
    assert {name: [given["Ref"] for _, _, given in limits].count(name) for name in found} == SOURCES


def test_a_new_account_gets_what_fits_it_and_is_told_so() -> None:
    said: list[str] = []
    with LambdaQuota(10) as lambda_:
        assert for_new_stack(lambda_.client, {}, said.append) == SMALLEST
    assert said == [
        "This AWS account has 10 runs of functions at once for all that reserve none, so this stack gets "
        "ExecuteConcurrency=2, ConfirmConcurrency=2"
    ]


def test_an_account_with_room_keeps_the_defaults_and_nothing_is_said() -> None:
    said: list[str] = []
    with LambdaQuota(1_000) as lambda_:
        assert for_new_stack(lambda_.client, {}, said.append) == {}
    assert said == []


def test_what_other_functions_have_reserved_is_not_there() -> None:
    with LambdaQuota(1_000, reserved=980) as lambda_:
        assert for_new_stack(lambda_.client, {}, print) == {"ExecuteConcurrency": "4", "ConfirmConcurrency": "4"}


def test_what_is_given_and_does_not_fit_is_said_and_kept() -> None:
    said: list[str] = []
    with LambdaQuota(10) as lambda_:
        assert for_new_stack(lambda_.client, {"ExecuteConcurrency": "10"}, said.append) == {"ConfirmConcurrency": "2"}
    assert "has 10 left: raise Lambda's quota" in said[-1]


def test_a_quota_that_may_not_be_read_counts_as_the_smallest() -> None:
    said: list[str] = []
    with LambdaQuota(None) as lambda_:
        assert for_new_stack(lambda_.client, {}, said.append) == SMALLEST
        check_existing(lambda_.client, {}, pytest.fail)
    assert "lambda:GetAccountSettings" in said[0]


def test_a_stack_keeps_its_values_when_the_quota_changes(aws: Client, packages: dict[str, Package]) -> None:
    said: list[str] = []
    with LambdaQuota(10) as small, LambdaQuota(1_000) as large:
        deploy(packages["spark"], small.beside(aws), said.append, name="small")
        assert SMALLEST.items() <= parameters(aws, "small").items()
        deploy(packages["spark"], large.beside(aws), said.append, name="small", parameters={"LogLevel": "DEBUG"})
        assert SMALLEST.items() <= parameters(aws, "small").items()

        deploy(packages["spark"], large.beside(aws), said.append, name="large", parameters={"ExecuteConcurrency": "20"})
        assert not any("large" in line and "quota" in line for line in said)
        deploy(packages["spark"], small.beside(aws), said.append, name="large", parameters={"LogLevel": "DEBUG"})
        assert parameters(aws, "large")["ExecuteConcurrency"] == "20"
        assert parameters(aws, "large")["ConfirmConcurrency"] == ""
    assert any("may run 34 times at once" in line for line in said)


def test_the_local_stack_asks_for_no_quota(aws: Client, packages: dict[str, Package]) -> None:
    with LambdaQuota(10) as lambda_:
        deploy(packages["local"], lambda_.beside(aws), print, name="local-quota")
    assert parameters(aws, "local-quota")["ExecuteConcurrency"] == ""

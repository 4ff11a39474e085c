"""Nothing in a policy is superfluous: each right of each function is taken away once, and something does not work any more.

That nothing is missing is shown by every other test here: the stack runs with IAM enforced. A new right needs a line in the
table below; without one, or when its scenario does without it, the test of that right fails and names it.
"""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import cache

import pytest

from tests.rights import BY_AWS, Right, rights
from tests.stack import scenarios_events as event
from tests.stack import scenarios_http as http
from tests.stack.scene import Scene

Scenario = Callable[[Scene], None]

NEEDED_TO: Mapping[str, Mapping[str, Scenario]] = {
    "APIHandler": {
        "dynamodb:PutItem on JobsTable": http.issue_a_job,
        "dynamodb:GetItem on JobsTable": http.fetch_a_job,
        "dynamodb:BatchGetItem on JobsTable": http.list_ones_own_jobs,
        "dynamodb:Query on JobsTable/index/owner": http.list_ones_own_jobs,
        "dynamodb:Query on JobsTable/index/openOfOwner": http.count_open_jobs,
        "dynamodb:Query on JobsTable/index/account": http.list_everybodys_jobs,
        "dynamodb:Query on JobsTable/index/correlationId": http.fetch_a_job_of_somebodys_by_correlation_id,
        "dynamodb:Query on JobsTable/index/ownerExternalId": http.list_ones_own_jobs_of_an_external_id,
        "dynamodb:Query on JobsTable/index/externalId": http.list_everybodys_jobs_of_an_external_id,
        "dynamodb:Query on JobsTable/index/failedOfOwner": http.retry_ones_own_failed_jobs,
        "dynamodb:Query on JobsTable/index/failed": http.retry_everybodys_failed_jobs,
        "dynamodb:Query on JobsTable/index/subject": http.list_the_tokens_of_an_account,
        "dynamodb:Query on JobsTable/index/creation": http.look_whether_a_wallet_was_made_here,
        "dynamodb:Query on JobsTable/index/pending": http.issue_a_job_of_a_pool,
        "dynamodb:Query on AccountsTable/index/role": http.issue_a_job_of_a_pool,
        "dynamodb:BatchGetItem on AccountsTable": http.issue_a_job_of_a_pool,
        "dynamodb:GetItem on AccountsTable": http.issue_a_job,
        "dynamodb:PutItem on AccountsTable": http.create_an_account,
        "dynamodb:UpdateItem on AccountsTable": http.unlock_an_account,
        "dynamodb:Scan on AccountsTable": http.list_the_accounts,
        "dynamodb:UpdateItem on LimitsTable": http.be_counted,
        "sqs:SendMessage* on ExecuteQueue": http.issue_a_job,
        "sqs:SendMessage* on ConfirmQueue": http.cancel_a_job_in_flight,
        "secretsmanager:GetSecretValue on secret:<stack>/jwt-??????": http.fetch_a_job,
        "secretsmanager:GetSecretValue on secret:<stack>/phone-numbers-??????": http.create_a_wallet,
        "secretsmanager:GetSecretValue on secret:<stack>/rpc-urls-??????": http.look_up_a_token,
        "kms:CreateKey on *": http.create_an_account,
    },
    "ExecuteJobs": {
        "dynamodb:PutItem on JobsTable": event.fail_a_job_that_reverts,
        "dynamodb:BatchGetItem on JobsTable": event.sign_with_a_kms_key,
        "dynamodb:Query on JobsTable/index/account": event.sign_with_a_kms_key,
        "dynamodb:Query on JobsTable/index/pending": event.fail_a_job_that_reverts,
        "dynamodb:Query on JobsTable/index/creation": event.sign_for_a_pool,
        "dynamodb:GetItem on AccountsTable": event.sign_with_a_kms_key,
        "dynamodb:UpdateItem on AccountsTable": event.sign_with_a_kms_key,
        "kms:Sign on key/*": event.sign_with_a_kms_key,
        "secretsmanager:GetSecretValue on secret:<stack>/accounts/*": event.sign_with_a_secret,
        "secretsmanager:GetSecretValue on secret:<stack>/rpc-urls-??????": event.sign_with_a_kms_key,
        "sqs:SendMessage* on ConfirmQueue": event.sign_with_a_kms_key,
    },
    "ConfirmJobs": {
        "dynamodb:PutItem on JobsTable": event.close_a_job,
        "dynamodb:BatchGetItem on JobsTable": event.close_a_job,
        "dynamodb:Query on JobsTable/index/account": event.replace_all_that_offer_too_little,
        "dynamodb:GetItem on AccountsTable": event.sign_a_cancel_with_a_kms_key,
        "kms:Sign on key/*": event.sign_a_cancel_with_a_kms_key,
        "secretsmanager:GetSecretValue on secret:<stack>/accounts/*": event.sign_a_cancel_with_a_secret,
        "secretsmanager:GetSecretValue on secret:<stack>/rpc-urls-??????": event.close_a_job,
        "sqs:SendMessage* on ExecuteQueue": event.pass_on_a_nudge,
        "sqs:SendMessage* on ConfirmQueue": event.poll_a_job_again,
    },
    "ReconcileJobs": {
        "dynamodb:PutItem on JobsTable": event.nudge_what_was_left_behind,
        "dynamodb:BatchGetItem on JobsTable": event.nudge_what_was_left_behind,
        "dynamodb:Query on JobsTable/index/open": event.nudge_what_was_left_behind,
        "sqs:SendMessage* on ExecuteQueue": event.nudge_what_was_left_behind,
        "sqs:SendMessage* on ConfirmQueue": event.nudge_what_was_left_behind,
        "dynamodb:Scan on AccountsTable": event.sweep_up_a_job_that_nobody_looks_after,
        "dynamodb:Query on JobsTable/index/account": event.sweep_up_a_job_that_nobody_looks_after,
        "dynamodb:UpdateItem on AccountsTable": event.sweep_up_a_job_that_nobody_looks_after,
        "dynamodb:GetItem on AccountsTable": event.write_down_a_final_block,
        "dynamodb:PutItem on AccountsTable": event.write_down_a_final_block,
        "secretsmanager:GetSecretValue on secret:<stack>/rpc-urls-??????": event.write_down_a_final_block,
    },
    "RecordDeadLetters": {
        "dynamodb:GetItem on JobsTable": event.note_a_dead_letter,
        "dynamodb:PutItem on JobsTable": event.note_a_dead_letter,
    },
}
"""What fails without each right."""

TAKEN_AWAY = [right for right in rights() if right.action not in BY_AWS]


@pytest.fixture(scope="module")
def require_with_all_rights(scene: Scene) -> Callable[[Scenario], None]:
    """Fails the test of whoever asks when the scenario does not come out as it should, or something is refused, with the
    whole policy.
    """

    @cache
    def require(scenario: Scenario) -> None:
        scene.stack.refused.clear()
        scenario(scene)
        assert scene.stack.refused == []

    return require


@pytest.mark.parametrize("right", TAKEN_AWAY, ids=str)
def test_something_fails_without(right: Right, scene: Scene, require_with_all_rights: Callable[[Scenario], None]) -> None:
    scenario = NEEDED_TO[right.function].get(right.what)
    assert scenario is not None, f"nothing says what {right} is for: give it a scenario here, or drop it"
    require_with_all_rights(scenario)
    scene.stack.refused.clear()
    with scene.stack.lacking(right):
        is_needed = _fails(scenario, scene)
    refused = scene.stack.refused
    assert is_needed, f"{right} is not needed to {scenario.__name__}; refused: {refused}"
    assert any(fnmatchcase(action, right.action) for action in refused), f"{right}: refused were {refused}"


def _fails(scenario: Scenario, scene: Scene) -> bool:
    try:
        scenario(scene)
    except AssertionError:
        return True
    return False


def test_the_table_names_no_right_that_is_not_there() -> None:
    assert {(function, what) for function, needs in NEEDED_TO.items() for what in needs} == {
        (right.function, right.what) for right in TAKEN_AWAY
    }

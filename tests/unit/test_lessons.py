"""How services of this kind have failed their users, and the test that keeps each failure out of this one.

The table is checked: a test that is renamed or removed takes its line with it.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

LOST_OR_STUCK = {
    "a crash leaves a job started for ever": "test_every_job_takes_effect_exactly_once_whichever_call_fails",
    "a job is stored, its message is not sent": "test_a_pending_job_whose_nudge_was_lost_is_nudged_when_it_is_a_minute_old",
    "a lock expires while its holder works, two workers sign one nonce": "test_a_worker_overtaken_at_any_call_does_no_harm",
    "one account that cannot send stalls the others": "test_an_account_that_cannot_sign_does_not_hold_back_another",
    "a retry is taken for a duplicate message and dropped": "test_messages_of_one_job_never_share_a_deduplication_id",
    "a nonce is taken and nothing stored: a gap": "test_two_hundred_jobs_over_two_accounts_happen_exactly_once",
    "sent before its hash is stored": "test_invariant_1_every_transaction_is_stored_before_it_is_broadcast",
    "a replacement is sent before it is stored": (
        "test_a_worker_killed_between_storing_a_replacement_and_sending_it_leaves_it_to_the_next"
    ),
    "only the latest hash is watched": "test_the_old_hash_mined_instead_of_its_replacement_is_the_job_s",
    "nonce too low pauses every endpoint": "test_what_a_node_answers_to_a_broadcast_decides_nothing",
    "at the price cap nothing is ever sent again": "test_replacements_stop_at_the_cap_and_the_latest_is_kept",
    "a fee ladder falls under the replacement rule": "test_after_twenty_replacements_every_step_still_was_ten_percent",
    "a receipt is gone after a reorg": "test_a_reorg_shallower_than_the_confirmations_changes_nothing_but_the_block",
    "a poison message kills the loop": "test_poison_ends_in_the_dead_letters_once_and_the_others_of_its_batch_go_on",
}

DONE_TWICE = {
    "a time-out leads to a second transaction at another nonce": "test_invariant_8_no_receipt_decides_nothing",
    "a broadcast that timed out is taken for not sent": "test_nobody_answering_leaves_every_outcome_unknown",
    "a read that lags is taken for an answer": "test_a_node_that_lags_only_delays",
    "a retry while the first may still be mined": "test_a_failed_job_with_an_unsettled_attempt_is_not_retried",
    "an exception after success flips the job to failed": "test_a_closed_job_is_left_alone_by_every_handler",
    "two retries at the same time": "test_invariant_7_of_two_retries_at_the_same_time_one_wins",
    "the client's POST timed out and it posts again": "test_twenty_posts_at_once_of_one_request_are_one_job",
    "a cancel is reported before it has won": "test_a_cancel_that_comes_too_late_tells_that_the_original_has_won",
}

TOLD_WRONG = {
    "a mined revert is reported as a success": "test_a_reverted_receipt_does_not_make_a_job_succeed",
    "the estimate failed and it is sent anyway": "test_a_revert_in_estimation_costs_no_nonce_and_says_why",
    "the revert's reason is dropped": "test_invariant_5_a_mined_revert_fails_with_its_reason_and_only_when_deep_enough",
    "the fee is that asked, not that paid": "test_a_job_happens_once_and_tells_what_it_cost",
    "final jobs are deleted": "test_no_row_ever_expires_but_those_of_the_limits",
    "history only says failed": "test_a_retried_job_has_its_failures_and_attempts_still",
}

LET_IN = {
    "any token reads any job": "test_another_owner_s_job_looks_like_none",
    "an issuer picks another's account": "test_an_account_the_principal_may_not_sign_with_is_refused_and_nothing_is_stored",
    "a default secret": "test_nobody_is_let_in_with_a_weak_key",
    "tokens that never expire": "test_a_token_that_is_not_ours_is_refused",
    "invalid ids answer 500": "test_a_malformed_job_id_is_refused",
    "a bulk retry stops half-way": "test_one_bad_id_never_stops_the_rest",
}

SLOW = {
    "one transaction in flight per account": "test_a_burst_of_120_jobs_takes_contiguous_nonces_in_order_and_each_effect_once",
}


@pytest.fixture(scope="module")
def names() -> set[str]:
    return {name for path in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)\(", path.read_text())}


@pytest.mark.parametrize("lesson", [*LOST_OR_STUCK, *DONE_TWICE, *TOLD_WRONG, *LET_IN, *SLOW])
def test_every_lesson_has_its_test(lesson: str, names: set[str]) -> None:
    assert (LOST_OR_STUCK | DONE_TWICE | TOLD_WRONG | LET_IN | SLOW)[lesson] in names

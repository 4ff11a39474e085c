"""The end of an operation of CloudFormation is told by its events: the stack's status may still be that of the one before."""

from collections.abc import Sequence

import pytest

from stack.deployment import change_sets
from stack.deployment.leftovers import delete, delete_failed_creation
from stack.deployment.waiting import OperationFailed, stack_of
from stack.progress import silent
from tests.fakes.cloudformation import NAME, STACK_ID, Happened, Look, PlayedStack

TABLE = "AWS::DynamoDB::Table"
REVIEWED = Look("REVIEW_IN_PROGRESS", [Happened("REVIEW_IN_PROGRESS", reason="User Initiated")])
UPDATED = Look("UPDATE_COMPLETE", [Happened("UPDATE_IN_PROGRESS"), Happened("UPDATE_COMPLETE")])
ROLLED_BACK = Look("ROLLBACK_COMPLETE", [Happened("CREATE_IN_PROGRESS"), Happened("ROLLBACK_COMPLETE")])


def of_table(status: str, reason: str = "") -> Happened:
    return Happened(status, "JobsTable", "jobs-1", TABLE, reason)


CREATED = [
    Look("REVIEW_IN_PROGRESS"),
    Look("REVIEW_IN_PROGRESS", [Happened("CREATE_IN_PROGRESS")]),
    Look("CREATE_IN_PROGRESS", [of_table("CREATE_IN_PROGRESS")]),
    Look("CREATE_COMPLETE", [of_table("CREATE_COMPLETE"), Happened("CREATE_COMPLETE")]),
]
UPDATED_AGAIN = [
    Look("UPDATE_COMPLETE"),
    Look("UPDATE_COMPLETE", [Happened("UPDATE_IN_PROGRESS")]),
    Look("UPDATE_IN_PROGRESS", [of_table("UPDATE_IN_PROGRESS")]),
    Look("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", [Happened("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")]),
    Look("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", [Happened("UPDATE_COMPLETE")]),
    Look("UPDATE_COMPLETE"),
]


@pytest.mark.parametrize(("before", "looks"), [(REVIEWED, CREATED), (UPDATED, UPDATED_AGAIN)], ids=["create", "update"])
@pytest.mark.parametrize("page_size", [1, 100])
def test_a_change_set_is_executed_when_events_and_status_say_so(before: Look, looks: Sequence[Look], page_size: int) -> None:
    with PlayedStack(before, looks, page_size) as played:
        change_sets.execute(played.client, NAME, "change", say=silent)
        assert played._now is looks[-1], "it did not wait until the end"


def test_an_update_that_fails_is_not_taken_for_the_success_before_it() -> None:
    looks = [
        Look("UPDATE_COMPLETE"),
        Look("UPDATE_COMPLETE", [Happened("UPDATE_IN_PROGRESS"), of_table("UPDATE_FAILED", "Too many indexes")]),
        Look("UPDATE_ROLLBACK_IN_PROGRESS", [Happened("UPDATE_ROLLBACK_IN_PROGRESS")]),
        Look("UPDATE_ROLLBACK_COMPLETE", [Happened("UPDATE_ROLLBACK_COMPLETE")]),
    ]
    with (
        PlayedStack(UPDATED, looks) as played,
        pytest.raises(OperationFailed, match=r"ended as UPDATE_ROLLBACK_COMPLETE: JobsTable: Too many indexes"),
    ):
        change_sets.execute(played.client, NAME, "change", say=silent)


def test_an_operation_that_never_begins_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.deployment.waiting.BEGIN_SECONDS", 0.0)
    with PlayedStack(UPDATED, [Look("UPDATE_COMPLETE")]) as played, pytest.raises(change_sets.StackError, match="done nothing"):
        change_sets.execute(played.client, NAME, "change", say=silent)


def test_only_the_pages_with_new_events_are_read() -> None:
    history = Look("UPDATE_COMPLETE", [*(of_table("UPDATE_COMPLETE") for _ in range(50)), Happened("UPDATE_COMPLETE")])
    done = Look("UPDATE_COMPLETE", [Happened("UPDATE_IN_PROGRESS"), Happened("UPDATE_COMPLETE")])
    with PlayedStack(history, [done], page_size=3) as played:
        change_sets.execute(played.client, NAME, "change", say=silent)
        after = played.asked[played.asked.index("ExecuteChangeSet") :]
    assert after.count("DescribeStackEvents") == 1


def test_a_deletion_that_failed_before_is_waited_for_again() -> None:
    failed = Look("DELETE_FAILED", [Happened("DELETE_IN_PROGRESS"), Happened("DELETE_FAILED", reason="then")])
    looks = [Look("DELETE_FAILED"), Look("DELETE_IN_PROGRESS", [Happened("DELETE_IN_PROGRESS")]), Look(None)]
    with PlayedStack(failed, looks) as played:
        delete(played.client, stack_of(played.client, NAME) or {}, silent)
        assert played._now.status is None


@pytest.mark.parametrize("before", [ROLLED_BACK, Look("DELETE_FAILED", [Happened("DELETE_FAILED", reason="then")])])
def test_what_never_came_up_and_cannot_be_deleted_ends_with_the_reason(before: Look) -> None:
    looks = [
        Look(before.status),
        Look("DELETE_IN_PROGRESS", [Happened("DELETE_IN_PROGRESS"), of_table("DELETE_FAILED", "Deletion protection is on")]),
        Look("DELETE_FAILED", [Happened("DELETE_FAILED", reason="The following resource(s) failed to delete: [JobsTable].")]),
    ]
    with PlayedStack(before, looks) as played:
        with pytest.raises(OperationFailed, match="could not be deleted: JobsTable: Deletion protection is on"):
            delete_failed_creation(played.client, NAME, silent, None)
        assert played.asked.count("DeleteStack") == 1


def test_a_stack_that_never_came_up_is_gone_before_another_is_made() -> None:
    looks = [Look("ROLLBACK_COMPLETE"), Look("DELETE_IN_PROGRESS", [Happened("DELETE_IN_PROGRESS")]), Look(None)]
    with PlayedStack(ROLLED_BACK, looks) as played:
        assert delete_failed_creation(played.client, NAME, silent, None) is None
        assert stack_of(played.client, STACK_ID) is None

"""How many runs of the workers fit an AWS account."""

import pytest

from stack.deployment.concurrency import OTHERS_LEAST, fitting


@pytest.mark.parametrize(
    ("unreserved", "execute", "confirm"), [(10, 2, 2), (20, 4, 4), (30, 7, 7), (40, 10, 10), (100, 10, 10), (1_000, 10, 10)]
)
def test_the_more_runs_an_account_has_the_more_the_workers_get(unreserved: int, execute: int, confirm: int) -> None:
    expected = {"ExecuteConcurrency": execute, "ConfirmConcurrency": confirm, "DeadLetterConcurrency": 2}
    assert fitting(unreserved, {}) == expected


@pytest.mark.parametrize("unreserved", range(10, 60))
def test_the_workers_fit_and_leave_the_api_its_share(unreserved: int) -> None:
    chosen = fitting(unreserved, {})
    total = chosen["ExecuteConcurrency"] + chosen["ConfirmConcurrency"] + 2 * chosen["DeadLetterConcurrency"]
    assert total + OTHERS_LEAST <= unreserved
    assert total <= unreserved * 0.6 or chosen == fitting(10, {})


def test_what_is_given_stays_and_the_rest_is_what_fits_beside_it() -> None:
    assert fitting(30, {"ExecuteConcurrency": "12"}) == {
        "ExecuteConcurrency": 12,
        "ConfirmConcurrency": 2,
        "DeadLetterConcurrency": 2,
    }
    assert fitting(30, {"DeadLetterConcurrency": "4"})["ExecuteConcurrency"] == 5
    assert fitting(40, {"ApiConcurrency": "20", "ExecuteConcurrency": ""})["ExecuteConcurrency"] == 4

"""Which accounts sign: how busy they are, whether one stands still, and what it costs to ask."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chalicelib.jobs.accounts import is_idle, least_busy, named_account
from chalicelib.jobs.model import Account, Job
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.states import cancelled, started, waiting
from tests.unit.jobs.a_job import ISSUER, NOW, OTHER, SOON, TARGET, attempt, pending_job
from tests.unit.jobs.use_cases import POOL, UseCases

MINED = 5


class Mined(UseCases):
    """The use cases, where each account has MINED transactions."""

    def mined_counts(self, addresses: Sequence[str]) -> dict[str, int]:
        return dict.fromkeys(addresses, MINED)


def pooled(address: str, next_nonce: int = MINED) -> Account:
    return Account(122, address, key="kms:1", role="minters", next_nonce=next_nonce)


def cases_with(*jobs: Job) -> UseCases:
    cases = Mined()
    for job in jobs:
        cases.stored(job)
    return cases


def fresh(number: int = 1, account: str = POOL) -> Job:
    return pending_job(job_id=f"{number:024x}", account=account, next_check_at=None)


def waits(number: int = 1) -> Job:
    return waiting(fresh(number), NOW, SOON, "no funds", next_check_at=SOON)


def stands_still(cases: UseCases, next_nonce: int = MINED) -> bool:
    cases.accounts.rows[f"122:{POOL}"] = pooled(POOL, next_nonce)
    return is_idle(pooled(POOL), cases)


def test_an_account_without_open_jobs_stands_still() -> None:
    assert stands_still(cases_with())
    assert stands_still(cases_with(cancelled(fresh(1), NOW), fresh(2, OTHER)))


@pytest.mark.parametrize("job", [fresh(), waits()], ids=["fresh", "waiting"])
def test_an_account_with_a_pending_job_does_not_stand_still(job: Job) -> None:
    assert not stands_still(cases_with(job))


def test_an_account_with_a_nonce_that_is_not_mined_does_not_stand_still() -> None:
    """Also if it was taken after the account was read: between then and the look at its jobs, they were signed."""
    just_signed = started(fresh(), attempt(MINED, "0x5"), NOW, SOON)
    assert not stands_still(cases_with(just_signed), next_nonce=MINED + 1)


def test_of_a_pool_the_one_with_the_fewest_fresh_and_waiting_jobs_and_taken_nonces_is_chosen() -> None:
    one, two, three = pooled(ISSUER, MINED + 2), pooled(OTHER), pooled(TARGET)
    cases = cases_with(fresh(1, OTHER), fresh(2, TARGET), replace(waits(3), account=TARGET))
    chosen: list[Sequence[Account]] = []

    def choose(among: Sequence[Account]) -> Account:
        chosen.append(among)
        return among[0]

    assert least_busy([one, two, three], cases, choose) == two
    assert chosen == [[two]]


# --- what it costs -----------------------------------------------------------------------------------------------------


def reads_of(cases: UseCases, address: str, *, replica_knows: bool) -> list[bool]:
    """Whether each read of the account was consistent."""
    read, reads = cases.accounts.get, list[bool]()

    def get(account_id: str, *, consistent: bool = True) -> Account | None:
        reads.append(consistent)
        return read(account_id) if consistent or replica_knows else None

    cases.accounts.get = get  # type: ignore[method-assign]
    named_account(address, Principal(ISSUER, ISSUER), "fuse", 122, cases)
    return reads


def test_an_account_is_read_at_half_the_cost() -> None:
    assert reads_of(UseCases(), ISSUER, replica_knows=True) == [False]


def test_an_account_that_is_too_new_for_that_is_read_consistently() -> None:
    assert reads_of(UseCases(), ISSUER, replica_knows=False) == [False, True]

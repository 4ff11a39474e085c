"""Start: the account's nonces and the signed jobs that use them in one transaction (invariant 2). All or nothing."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from chalicelib.errors import JobsChanged, VersionConflict
from chalicelib.jobs.in_flight import InFlight, still_in_flight
from chalicelib.jobs.model import Account, Job, Status, TransactionRequest
from chalicelib.jobs.states import cancelled
from tests.store.backends import Stores, Tables, ids
from tests.store.building import ACCOUNT_ID, OTHER_ADDRESS, account, after, pending_job, signed_job

KIB = 1024


def issued(stores: Stores, count: int, data: bytes = b"") -> list[Job]:
    request = TransactionRequest(OTHER_ADDRESS, data=data)
    jobs = [pending_job(number, request=request) for number in range(count)]
    for job in jobs:
        stores.jobs.issue(job)
    return jobs


def with_account(stores: Stores, next_nonce: int | None = None, paused: str | None = None) -> Account:
    new = account(next_nonce, paused=paused)
    stores.accounts.put(new)
    return new


def signed(jobs: Sequence[Job], first_nonce: int, raw: bytes = b"\x02signed") -> list[Job]:
    return [signed_job(job, nonce, raw) for nonce, job in enumerate(jobs, first_nonce)]


def moved(before: Account, next_nonce: int, newest: Job) -> Account:
    """The account as a start leaves it."""
    return replace(before, next_nonce=next_nonce, signed_to=newest.issued_order)


def assert_nothing_written(stores: Stores, stored_account: Account | None, stored_jobs: Sequence[Job]) -> None:
    assert stores.accounts.get(ACCOUNT_ID) == stored_account
    assert stores.jobs.load(ids(stored_jobs)) == list(stored_jobs)


def test_starting_moves_the_nonce_and_stores_every_signed_job(stores: Stores) -> None:
    before, jobs = with_account(stores, 7), issued(stores, 3)

    started = stores.jobs.start(before, 10, signed(jobs, 7))

    assert started == [replace(job, version=2) for job in signed(jobs, 7)]
    assert stores.jobs.load(ids(jobs)) == started
    assert stores.accounts.get(ACCOUNT_ID) == moved(before, 10, jobs[-1])


def test_the_newest_job_ever_signed_for_an_account_never_becomes_an_older_one(stores: Stores) -> None:
    before, jobs = with_account(stores, 7), issued(stores, 5)

    stores.jobs.start(before, 9, signed([jobs[3], jobs[1]], 7))
    then = moved(before, 9, jobs[3])
    assert stores.accounts.get(ACCOUNT_ID) == then

    stores.jobs.start(then, 11, signed([jobs[2], jobs[0]], 9))  # a retried one, or one whose nudge was late
    then = moved(before, 11, jobs[3])
    assert stores.accounts.get(ACCOUNT_ID) == then

    stores.jobs.start(then, 12, signed([jobs[4]], 11))
    assert stores.accounts.get(ACCOUNT_ID) == moved(before, 12, jobs[4])
    assert [job_id for _, job_id in stores.jobs.issued_on(ACCOUNT_ID, then.signed_to, 10)] == [jobs[4].job_id]


def test_the_first_start_of_an_account_needs_no_nonce_before(stores: Stores) -> None:
    before, jobs = with_account(stores), issued(stores, 1)

    stores.jobs.start(before, 5, signed(jobs, 4))

    assert stores.accounts.get(ACCOUNT_ID) == moved(before, 5, jobs[0])


def test_a_second_first_start_writes_nothing(stores: Stores) -> None:
    before, jobs = with_account(stores), issued(stores, 2)
    stores.jobs.start(before, 1, signed(jobs[:1], 0))

    with pytest.raises(VersionConflict):
        stores.jobs.start(before, 1, signed(jobs[1:], 0))
    assert_nothing_written(stores, moved(before, 1, jobs[0]), jobs[1:])


def test_a_start_whose_nonce_was_taken_meanwhile_writes_nothing(stores: Stores) -> None:
    before, jobs = with_account(stores, 7), issued(stores, 3)
    stores.jobs.start(before, 8, signed(jobs[:1], 7))

    with pytest.raises(VersionConflict):
        stores.jobs.start(before, 9, signed(jobs[1:], 7))
    assert_nothing_written(stores, moved(before, 8, jobs[0]), jobs[1:])


@pytest.mark.parametrize("changed", [[0], [1], [2], [0, 2], [0, 1, 2]])
def test_a_start_of_which_jobs_were_changed_meanwhile_writes_nothing_and_names_them(stores: Stores, changed: list[int]) -> None:
    before, jobs = with_account(stores, 7), issued(stores, 3)
    after_change = [*jobs]
    for number in changed:
        after_change[number] = stores.jobs.save(cancelled(jobs[number], after(5)))

    with pytest.raises(JobsChanged) as conflict:
        stores.jobs.start(before, 10, signed(jobs, 7))
    assert list(conflict.value.job_ids) == [jobs[number].job_id for number in changed]
    assert_nothing_written(stores, before, after_change)


def test_where_the_account_was_changed_too_a_start_blames_no_job(stores: Stores) -> None:
    before, jobs = with_account(stores, 7), issued(stores, 3)
    stores.jobs.start(before, 8, signed(jobs[:1], 7))

    with pytest.raises(VersionConflict) as conflict:
        stores.jobs.start(before, 10, signed(jobs, 7))
    assert not isinstance(conflict.value, JobsChanged)


def test_a_start_with_a_job_that_is_not_stored_writes_nothing(stores: Stores) -> None:
    before, jobs = with_account(stores, 7), issued(stores, 1)
    stranger = pending_job(9)

    with pytest.raises(JobsChanged) as conflict:
        stores.jobs.start(before, 9, signed([*jobs, stranger], 7))
    assert conflict.value.job_ids == (stranger.job_id,)
    assert_nothing_written(stores, before, jobs)
    assert stores.jobs.get(stranger.job_id) is None


def test_a_start_of_a_paused_account_writes_nothing(stores: Stores) -> None:
    paused, jobs = with_account(stores, 7, paused="its key is being replaced"), issued(stores, 1)

    with pytest.raises(VersionConflict):  # also for a worker that read the account before it was paused
        stores.jobs.start(replace(paused, paused=None), 8, signed(jobs, 7))
    assert_nothing_written(stores, paused, jobs)


def test_a_start_of_an_unknown_account_writes_nothing(stores: Stores) -> None:
    jobs = issued(stores, 1)

    with pytest.raises(VersionConflict):
        stores.jobs.start(account(), 1, signed(jobs, 0))
    assert_nothing_written(stores, None, jobs)


def test_a_start_touches_no_other_account(stores: Stores) -> None:
    other = account(3, address=OTHER_ADDRESS)
    stores.accounts.put(other)
    before, jobs = with_account(stores, 7), issued(stores, 1)

    stores.jobs.start(before, 8, signed(jobs, 7))

    assert stores.accounts.get(other.account_id) == other


@pytest.mark.parametrize("first_nonce", [None, 0, 2**53 + 1])
def test_of_two_starts_at_once_exactly_one_takes_the_nonce(stores: Stores, first_nonce: int | None) -> None:
    before = with_account(stores, first_nonce)
    for _ in range(3):
        nonce = before.next_nonce or 0
        rivals = [issued(stores, 2), issued(stores, 2)]
        together = Barrier(len(rivals))

        def start(jobs: list[Job], nonce: int = nonce, before: Account = before, together: Barrier = together) -> bool:
            together.wait()
            try:
                stores.jobs.start(before, nonce + len(jobs), signed(jobs, nonce))
            except VersionConflict:
                return False
            return True

        with ThreadPoolExecutor(len(rivals)) as threads:
            won = list(threads.map(start, rivals))

        assert sorted(won) == [False, True]
        statuses = {
            won_it: {job.status for job in stores.jobs.load(ids(jobs))} for won_it, jobs in zip(won, rivals, strict=True)
        }
        assert statuses == {True: {Status.STARTED}, False: {Status.PENDING}}
        newest = moved(before, nonce + 2, rivals[won.index(True)][-1])
        before = replace(newest, signed_to=max(str(newest.signed_to), before.signed_to or ""))
        assert stores.accounts.get(ACCOUNT_ID) == before


@pytest.mark.parametrize(("count", "data_size"), [(50, 8 * KIB), (8, 64 * KIB)])
def test_one_start_takes_a_whole_round_of_jobs_with_their_data(stores: Stores, count: int, data_size: int) -> None:
    """What the execute worker puts into one round: 50 jobs, or about a megabyte of data and its signed copy."""
    before, jobs = with_account(stores), issued(stores, count, data=bytes(range(256)) * (data_size // 256))

    started = stores.jobs.start(before, count, signed(jobs, 0, raw=b"\x02" + jobs[0].request.data))

    assert stores.jobs.load(ids(jobs)) == started
    assert stores.accounts.get(ACCOUNT_ID) == moved(before, count, jobs[-1])


def test_a_start_tells_a_shared_account_what_each_owner_has_in_flight(stores: Stores) -> None:
    stores.accounts.put(account(7, role="pool", in_flight=(InFlight("gone", 7, 5, 1), InFlight("two", 9, 30_000, 1))))
    read = stores.accounts.get(ACCOUNT_ID)
    assert read is not None
    jobs = [pending_job(number, owner=owner) for number, owner in enumerate(("one", "two", "one"))]
    for job in jobs:
        stores.jobs.issue(job)

    before = replace(read, in_flight=still_in_flight(read.in_flight, 7))
    stores.jobs.start(before, 12, signed(jobs, 9))

    stored = stores.accounts.get(ACCOUNT_ID)
    assert stored == before.having_signed(12, signed(jobs, 9))
    assert stored.in_flight == (
        InFlight("two", 9, 30_000, 1),
        InFlight("two", 11, 21_000, 1),
        InFlight("one", 12, 42_000, 2),
    )


def test_a_start_of_an_account_with_an_owner_remembers_nothing_of_what_is_in_flight(stores: Stores) -> None:
    before, jobs = account(7, owner="issuer-one", role="pool"), issued(stores, 2)
    stores.accounts.put(before)

    stores.jobs.start(before, 9, signed(jobs, 7))

    assert stores.accounts.get(ACCOUNT_ID) == moved(before, 9, jobs[-1])


def test_a_start_is_one_transaction_and_reads_nothing(tables: Tables) -> None:
    before, jobs = with_account(tables.stores, 7), issued(tables.stores, 3)
    tables.calls.clear()

    tables.jobs.start(before, 10, signed(jobs, 7))

    assert [operation for operation, _ in tables.calls] == ["TransactWriteItems"]

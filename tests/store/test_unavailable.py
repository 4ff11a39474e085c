"""A table that does not answer is a ServiceUnavailable, whatever was asked of it; what is wrong with the request is not."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from chalicelib.auth.limits import LimitStore
from chalicelib.errors import JobsChanged, ServiceUnavailable, VersionConflict, WriteRefused
from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.stores import AccountStore, FailedQuery, JobStore, Sweep
from chalicelib.store.accounts import DynamoAccountStore
from chalicelib.store.jobs import DynamoJobStore
from chalicelib.store.limits import DynamoLimitStore
from chalicelib.store.records import job_item
from chalicelib.store.stored_job import with_row
from stack.machine.processes import free_port
from tests.store.backends import Stores, dynamodb_client
from tests.store.building import ACCOUNT_ID, ADDRESS, CHAIN_ID, OWNER, account, after, pending_job, signed_job
from tests.store.faults import answer_always, break_connections

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

JOB = pending_job()
READ = [with_row(job, job_item(job)) for job in (pending_job(), pending_job())]


def the_first(outcomes: list[Job | Exception]) -> Job:
    """Raises it, where that is what it is."""
    if isinstance(outcomes[0], Exception):
        raise outcomes[0]
    return outcomes[0]


USES: dict[str, Callable[[Stores], object]] = {
    "jobs.issue": lambda stores: stores.jobs.issue(JOB),
    "jobs.get": lambda stores: stores.jobs.get(JOB.job_id),
    "jobs.load": lambda stores: stores.jobs.load([JOB.job_id]),
    "jobs.save": lambda stores: stores.jobs.save(JOB),
    "jobs.save_each": lambda stores: the_first(stores.jobs.save_each([JOB])),
    "jobs.save_each, several": lambda stores: the_first(stores.jobs.save_each(READ)),
    "jobs.start": lambda stores: stores.jobs.start(account(), 1, [signed_job(JOB, 0)]),
    "jobs.find_by_correlation_id": lambda stores: stores.jobs.find_by_correlation_id("order-1"),
    "jobs.find_by_external_id": lambda stores: stores.jobs.find_by_external_id("invoice", OWNER, 10, None),
    "jobs.list_jobs": lambda stores: stores.jobs.list_jobs(None, Status.FAILED, None, 10, None),
    "jobs.find_failed": lambda stores: stores.jobs.find_failed(FailedQuery(), 10, None),
    "jobs.issued_on": lambda stores: stores.jobs.issued_on(ACCOUNT_ID, None, 10),
    "jobs.issued_until": lambda stores: stores.jobs.issued_until(ACCOUNT_ID, "9", 10),
    "jobs.earliest_waiting": lambda stores: stores.jobs.earliest_waiting(ACCOUNT_ID, JOB.issued_order),
    "jobs.count_pending": lambda stores: stores.jobs.count_pending(account(), 10),
    "jobs.has_pending": lambda stores: stores.jobs.has_pending(account()),
    "jobs.find_by_subject": lambda stores: stores.jobs.find_by_subject("createWallet", "a hash", 10),
    "jobs.find_by_creation": lambda stores: stores.jobs.find_by_creation(ADDRESS, "createWallet", 10),
    "jobs.count_open": lambda stores: stores.jobs.count_open(OWNER, 10),
    "jobs.watched": lambda stores: stores.jobs.watched(10),
    "jobs.due": lambda stores: stores.jobs.due(after(100), 10),
    "accounts.get": lambda stores: stores.accounts.get(ACCOUNT_ID),
    "accounts.put": lambda stores: stores.accounts.put(account()),
    "accounts.pause": lambda stores: stores.accounts.pause(account(), "no funds"),
    "accounts.swept": lambda stores: stores.accounts.swept(account(), Sweep.FIRST, "an order"),
    "accounts.of_role": lambda stores: stores.accounts.of_role(CHAIN_ID, "minter"),
    "accounts.all": lambda stores: stores.accounts.all(),
    "limits.lease": lambda stores: stores.limits.lease(OWNER, 1, 10, 100),
}

every_use = pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
WRITES = [USES[name] for name in ("jobs.issue", "jobs.save", "jobs.save_each", "jobs.save_each, several")]
"""Of job rows."""


def unreachable() -> tuple[Stores, "DynamoDBClient"]:
    """The adapters on an address where nothing listens, and their client. Nothing is repeated: the answer is what counts."""
    client = dynamodb_client(f"http://127.0.0.1:{free_port()}", attempts=1)
    jobs, accounts = DynamoJobStore(client, "jobs", "accounts"), DynamoAccountStore(client, "accounts")
    return Stores(jobs, accounts, DynamoLimitStore(client, "limits")), client


def test_no_method_of_the_stores_is_missing_from_the_uses() -> None:
    methods = {
        f"{store}.{name}"
        for store, port in (("jobs", JobStore), ("accounts", AccountStore), ("limits", LimitStore))
        for name, _ in inspect.getmembers(port, inspect.isfunction)
        if not name.startswith("_")
    } - {"jobs.row_bytes"}  # it asks nobody
    assert {name.partition(",")[0] for name in USES} == methods


@every_use
def test_a_refused_connection_is_an_unavailable_service(use: Callable[[Stores], object]) -> None:
    stores, _ = unreachable()

    with pytest.raises(ServiceUnavailable):
        use(stores)


@every_use
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ProvisionedThroughputExceededException"),
        (400, "ThrottlingException"),
        (400, "RequestLimitExceeded"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
    ],
)
def test_throttling_and_server_errors_are_an_unavailable_service(
    use: Callable[[Stores], object], status: int, code: str
) -> None:
    stores, client = unreachable()
    answer_always(client, status, code)

    with pytest.raises(ServiceUnavailable):
        use(stores)


@pytest.mark.parametrize("name", ["jobs.issue", "jobs.get", "jobs.start", "jobs.due", "accounts.of_role"])
def test_an_answer_that_does_not_come_is_an_unavailable_service(name: str) -> None:
    stores, client = unreachable()
    break_connections(client)

    with pytest.raises(ServiceUnavailable):
        USES[name](stores)


@every_use
@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_what_no_repeat_can_mend_is_not_called_passing(use: Callable[[Stores], object], code: str) -> None:
    stores, client = unreachable()
    answer_always(client, 400, code)

    with pytest.raises(ClientError) as caught:
        use(stores)
    assert caught.value.response["Error"]["Code"] == code


@every_use
def test_what_is_not_taken_is_not_called_passing(use: Callable[[Stores], object]) -> None:
    """Of a job's row it is said that it is refused, and which one."""
    stores, client = unreachable()
    answer_always(client, 400, "ValidationException")

    with pytest.raises((ClientError, WriteRefused)) as caught:
        use(stores)
    assert isinstance(caught.value, WriteRefused) == (use in WRITES)


def test_a_transaction_that_is_not_taken_although_its_rows_are_small_is_a_fault_of_ours() -> None:
    """To call each of its rows refused would end jobs with which nothing is wrong."""
    stores, client = unreachable()
    answer_always(client, 400, "ValidationException")

    with pytest.raises(ClientError):
        USES["jobs.start"](stores)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (["None", "ConditionalCheckFailed"], JobsChanged),
        (["None", "TransactionConflict"], JobsChanged),
        (["TransactionConflict", "None"], VersionConflict),  # the account's row
        (["ConditionalCheckFailed", "ConditionalCheckFailed"], VersionConflict),
        (["ThrottlingError", "ConditionalCheckFailed"], JobsChanged),
        (["None", "ThrottlingError"], ServiceUnavailable),
        (["ProvisionedThroughputExceeded", "None"], ServiceUnavailable),
        (["ValidationError", "None"], ClientError),  # the account's row
        (["None", "ValidationError"], WriteRefused),
        (["ConditionalCheckFailed", "ValidationError"], VersionConflict),
    ],
)
def test_a_cancelled_transaction_is_what_its_reasons_say(reasons: list[str], expected: type[Exception]) -> None:
    stores, client = unreachable()
    answer_always(client, 400, "TransactionCanceledException", CancellationReasons=[{"Code": reason} for reason in reasons])

    with pytest.raises(expected) as caught:
        USES["jobs.start"](stores)
    assert type(caught.value) is expected or expected is ClientError
    assert not isinstance(caught.value, JobsChanged) or caught.value.job_ids == (JOB.job_id,)


def test_a_transaction_still_in_progress_is_an_unavailable_service() -> None:
    """boto's own repeat came while the first one was still being applied: a read will tell."""
    stores, client = unreachable()
    answer_always(client, 400, "TransactionInProgressException")

    with pytest.raises(ServiceUnavailable):
        USES["jobs.start"](stores)


def test_a_row_that_a_transaction_is_writing_was_changed_at_the_same_time() -> None:
    stores, client = unreachable()
    answer_always(client, 400, "TransactionConflictException")

    with pytest.raises(VersionConflict):
        USES["jobs.save"](stores)


def test_an_error_never_shows_what_was_to_be_stored() -> None:
    """Invariant 10: neither raw transactions nor anything else of the row."""
    stores, client = unreachable()
    answer_always(client, 500, "InternalServerError")

    with pytest.raises(ServiceUnavailable) as caught:
        stores.jobs.start(account(), 1, [signed_job(JOB, 0, raw=b"the raw transaction")])
    assert "raw transaction" not in str(caught.value)
    assert caught.value.message == "The table does not answer: InternalServerError."

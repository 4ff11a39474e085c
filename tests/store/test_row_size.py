"""A usual job's row stays below 1 KB through its life, so that its writes cost a unit each, and few of them touch an index.

Sizes are by DynamoDB's documented rules, units are what DynamoDB Local says it consumed.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.jobs.endings import confirmed
from chalicelib.jobs.ids import fingerprint
from chalicelib.jobs.model import Attempt, Fees, Job, SignedTransaction, TransactionRequest
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.states import started
from chalicelib.store.account_records import account_item
from chalicelib.store.item_size import item_size
from chalicelib.store.records import job_item
from stack.machine import dynamodb_local
from tests.store.backends import Tables, fresh_tables
from tests.store.building import ADDRESS, OTHER_ADDRESS, account, after, pending_job
from tests.store.item_size import write_units

CALL = bytes.fromhex("a9059cbb") + bytes(12) + bytes(range(1, 21)) + bytes(23) + bytes(range(1, 10))
"""transfer(address,uint256), mint(address,uint256) and the like: 4 bytes and two words."""
BEFORE_CALL, AFTER_CALL = 46, 68
"""Of a signed EIP-1559 transaction: type, list, chain, nonce, fees, gas, to and value; access list and signature."""
UNITS_PER_JOB = 7.1
"""To issue it takes 4: the row and its entries in correlationId, owner and account. Start 2, for it is part of a transaction.
Settle 1. And once a round the account.
"""
ROUND = 50


def usual(number: int, **fields: Any) -> Job:
    return pending_job(
        number / 1_000,
        owner=ADDRESS,
        request=TransactionRequest(OTHER_ADDRESS, data=CALL),
        fingerprint=fingerprint({"number": number}),
        correlation_id=f"0f8fad5b-d9cb-469f-a165-{number:012}",
        **fields,
    )


def mint(number: int) -> Job:
    data = {"tokenAddress": OTHER_ADDRESS, "amount": "1234567891234567891234", "toAddress": ADDRESS}
    return usual(number, name="mint", data=data)


def transaction_hash(nonce: int) -> str:
    return f"0x{nonce:064x}"


def start(job: Job, nonce: int) -> Job:
    raw = b"\x02" + bytes(BEFORE_CALL - 1) + CALL + bytes(AFTER_CALL)
    fees = Fees(23_123_456_789, 1_234_567_891)
    at = after(1.234567)
    signed = SignedTransaction(transaction_hash(nonce), raw, fees, at, 27_670_548)
    return started(job, Attempt(nonce, 123_457, (signed,)), at, next_check_at=after(61))


def settle(job: Job) -> Job:
    receipt = Receipt(
        hash=job.attempt.latest.hash,
        block_number=27_670_549,
        block_hash=f"0x{'ef' * 32}",
        succeeded=True,
        gas_used=101_357,
        effective_gas_price=13_345_678_912,
    )
    return confirmed(job, receipt, after(31.345678))


LIFE: tuple[Callable[[Job], Job], ...] = (lambda job: job, lambda job: start(job, 123_457), settle)


@pytest.mark.parametrize("make", [usual, mint])
def test_a_usual_row_is_below_1_kb_as_it_is_issued_started_and_settled(make: Callable[[int], Job]) -> None:
    job = make(1)
    sizes: dict[str, int] = {}
    for step in LIFE:
        job = replace(step(job), version=job.version + 1)
        sizes[job.status] = item_size(job_item(job))
        assert write_units(job_item(job)) == 1, sizes
    assert list(sizes) == ["pending", "started", "succeeded"]
    assert sizes["started"] > len(CALL) + BEFORE_CALL + AFTER_CALL, "it holds what was signed"


def test_a_replaced_transaction_does_not_make_a_usual_row_larger_than_1_kb() -> None:
    """Its bytes are those of the latest one; of the others, hash and fees stay."""
    job = start(usual(1), 123_457)
    again = replace(job.attempt.latest, hash=transaction_hash(9), fees=Fees(26 * 10**9, 2 * 10**9))
    attempt = replace(job.attempt, transactions=(replace(job.attempt.latest, raw=b""), again))

    assert write_units(job_item(settle(replace(job, attempts=(attempt,))))) == 1


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"B": b"123"}, 3),
        ({"N": "0"}, 1),
        ({"N": "7"}, 2),
        ({"N": "-123"}, 4),
        ({"N": "1200000"}, 2),
        ({"N": "0.0123"}, 3),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + 3 + 3),
        ({"M": {"key": {"S": "ab"}}}, 3 + 1 + 3 + 2),
    ],
)
def test_a_values_size_is_as_documented(value: dict[str, Any], size: int) -> None:
    assert item_size({"name": value}) == 4 + size


@dataclass
class Meter:
    """Write units of puts to one table: of the table under "", of each index under its name."""

    table: str
    units: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, tables: Tables) -> "Meter":
        meter = cls(tables.jobs_table)
        events = tables.client.meta.events
        events.register("provide-client-params.dynamodb.PutItem", meter._ask)
        events.register("after-call.dynamodb.PutItem", meter._add)
        return meter

    def _ask(self, params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "INDEXES"

    def _add(self, parsed: dict[str, Any], **_: Any) -> None:
        consumed = parsed["ConsumedCapacity"]
        if consumed["TableName"] == self.table:
            self.units[""] += consumed["Table"]["CapacityUnits"]
            for index, of_index in consumed.get("GlobalSecondaryIndexes", {}).items():
                self.units[index] += of_index["CapacityUnits"]

    def per_job(self) -> dict[str, float]:
        """Since it was last asked."""
        units, self.units = self.units, Counter()
        return {name: count / ROUND for name, count in units.items()}


@pytest.fixture
def local_tables(dynamodb_local_url: str) -> Iterator[Tables]:
    with fresh_tables(dynamodb_local_url) as tables:
        yield tables


if dynamodb_local.available():  # or the summary says that it was not asked

    @pytest.mark.parametrize("make", [usual, mint])
    def test_a_usual_job_costs_7_write_units_from_its_issue_to_its_end(
        local_tables: Tables, make: Callable[[int], Job]
    ) -> None:
        """A transaction's puts cost the table twice what they cost alone, which DynamoDB Local does not tell; nor does it tell
        what a statement costs: what a put of the same row does.
        """
        jobs = [make(number) for number in range(ROUND)]
        store, meter = local_tables.jobs, Meter.of(local_tables)

        for job in jobs:
            store.issue(job)
        issued = meter.per_job()
        jobs = [store.save(start(job, 100_000 + number)) for number, job in enumerate(jobs)]
        started_alone = meter.per_job()
        for job in jobs:
            store.save(settle(job))
        ended = meter.per_job()

        assert issued == {"": 1, "correlationId": 1, "owner": 1, "account": 1}
        assert started_alone == {"": 1}
        assert ended == {"": 1}
        row_of_account = 2 * write_units(account_item(account(100_000, role="minter", signed_to="x" * 52, swept_to="x" * 52)))
        total = sum(issued.values()) + 2 * started_alone[""] + ended[""] + row_of_account / ROUND
        assert total <= UNITS_PER_JOB


def test_a_round_is_one_transaction_of_its_jobs_and_the_account(tables: Tables) -> None:
    """What the figure above takes for granted."""
    tables.accounts.put(account())
    jobs = [usual(number) for number in range(ROUND)]
    for job in jobs:
        tables.jobs.issue(job)
    tables.calls.clear()

    signed = tables.jobs.start(account(), ROUND, [start(job, number) for number, job in enumerate(jobs)])

    assert [operation for operation, _ in tables.calls] == ["TransactWriteItems"]
    assert tables.jobs.load([job.job_id for job in signed]) == signed

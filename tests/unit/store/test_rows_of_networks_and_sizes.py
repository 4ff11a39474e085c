"""What a row says of its network, and how large it may become."""

from dataclasses import replace

import pytest

from chalicelib.api.jobs.bodies import MAX_DATA_BYTES
from chalicelib.bounds import Bounds
from chalicelib.jobs.endings import confirmed
from chalicelib.jobs.model import Attempt, Failure, Job, TransactionRequest
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.states import failed, retried, started
from chalicelib.networks import NETWORKS
from chalicelib.store import records
from chalicelib.store.attempt_records import attempt_item
from chalicelib.store.item_size import item_size
from chalicelib.store.records import job_from, job_item
from tests.store.building import OTHER_ADDRESS, after, attempt, pending_job

DYNAMODB_BYTES = 400 * 1024


# --- networks ----------------------------------------------------------------------------------------------------------


def test_a_row_of_a_network_that_was_removed_names_its_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    row = job_item(pending_job(network="spark", chain_id=123))
    assert job_from(row).network == "spark"

    monkeypatch.setattr(records, "NETWORKS", {"fuse": NETWORKS["fuse"]})
    job = job_from(row)

    assert job.network == "chain 123"
    assert job_from(job_item(job)) == job


def test_a_row_written_while_its_network_is_unknown_has_its_name_again_once_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = job_item(pending_job(network="spark", chain_id=123))
    with monkeypatch.context() as without_spark:
        without_spark.setattr(records, "NETWORKS", {})
        row = job_item(job_from(row))

    assert job_from(row).network == "spark"


def test_a_network_that_its_chain_does_not_tell_stands_in_the_row() -> None:
    for job in (pending_job(network="mainnet", chain_id=1), pending_job(network="other", chain_id=122)):
        assert job_item(job)["network"] == {"S": job.network}
        assert job_from(job_item(job)) == job


# --- sizes -------------------------------------------------------------------------------------------------------------


def reverted_once_more(job: Job, nonce: int) -> Job:
    """Signed, mined, reverted and retried."""
    data = job.request.data
    signed = replace(attempt(nonce).latest, raw=b"\x02" + bytes(120) + data + bytes(68))
    job = started(job, Attempt(nonce, 21_000, (signed,)), after(nonce), next_check_at=after(nonce + 60))
    receipt = Receipt(signed.hash, 20, f"0x{'ef' * 32}", succeeded=False, gas_used=10**6, effective_gas_price=10**10)
    return confirmed(job, receipt, after(nonce), "execution reverted: " + "x" * 280)


def test_a_job_with_the_most_call_data_may_be_retried_as_often_as_its_issuer_likes() -> None:
    """Its row holds the call data once, and of its past only the last part."""
    job = pending_job(
        request=TransactionRequest(OTHER_ADDRESS, data=bytes(range(256)) * (MAX_DATA_BYTES // 256)),
        correlation_id="\U0001f600" * 256,
        external_id="\U0001f600" * 256,
    )
    sizes: list[int] = []
    for nonce in range(60):
        job = reverted_once_more(job, nonce)
        sizes.append(item_size(job_item(job)))
        job = retried(job, after(nonce), next_check_at=after(nonce + 60))

    assert sizes[0] < MAX_DATA_BYTES + 10_000
    assert max(sizes) < MAX_DATA_BYTES + 60_000 < Bounds().row_bytes


def test_whatever_is_issued_leaves_room_for_retries() -> None:
    """The most of everything that the API takes: a token's texts and ids, which stand in its call data, too."""
    job = pending_job(
        request=TransactionRequest(OTHER_ADDRESS, data=bytes(MAX_DATA_BYTES), value=2**256 - 1),
        owner="\U0001f600" * 256,
        correlation_id="\U0001f600" * 256,
        external_id="\U0001f600" * 256,
        data={
            **dict.fromkeys(("name", "symbol", "tokenURI"), "😀" * 256),
            "spendabilityIdsArr": ["x" * 80] * 100,
            "initialSupplyInWei": "9" * 78,
        },
    )

    assert item_size(job_item(job)) < Bounds().row_bytes / 2


def test_a_large_row_of_format_1_shrinks_at_its_next_write() -> None:
    """There, every settled attempt repeats the call data in its raw bytes."""
    job = pending_job(request=TransactionRequest(OTHER_ADDRESS, data=bytes(range(256)) * 220))
    for nonce in range(6):
        job = retried(reverted_once_more(job, nonce), after(nonce), next_check_at=after(nonce + 60))
    job = failed(job, Failure("EstimateReverted", "no"), after(99))
    row = job_item(job)
    attempts = [attempt_item(one, job.created_at, b"") for one in job.attempts]  # as format 1 writes them
    old = {name: value for name, value in row.items() if name != "format"}
    old["attempts"] = records.to_attributes({"attempts": attempts})["attempts"]
    assert DYNAMODB_BYTES * 0.9 < item_size(old) < DYNAMODB_BYTES * 1.1

    read = job_from(old)

    assert read == job
    assert item_size(job_item(read)) == item_size(row) < 80_000

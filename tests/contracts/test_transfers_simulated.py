"""What a real node says of plain transfers that it simulates together."""

import pytest
from web3 import Web3
from web3.utils.address import get_create_address

from chalicelib.chain.reading import estimates
from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.jobs.ports import Call, Estimate, GasEstimate, Revert
from chalicelib.networks import FUSE
from stack import rpc
from tests.contracts.ground import COIN, Ground

PLAIN = GasEstimate(25_200)
NOBODIES = [Web3.to_checksum_address(f"0x{number:040x}") for number in range(0xB000, 0xB000 + 90)]


@pytest.fixture
def url(ground: Ground) -> str:
    return str(ground.w3.provider.endpoint_uri)  # type: ignore[attr-defined]


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """What is estimated as any other call."""
    asked: list[Call] = []
    fields = estimates.call_fields

    def remembered(call: Call) -> dict[str, str]:
        asked.append(call)
        return fields(call)

    monkeypatch.setattr(estimates, "call_fields", remembered)
    return asked


def told(url: str, sender: str, calls: list[Call]) -> list[Estimate]:
    return list(Node(FUSE, RpcClient([url], chain_id=FUSE.chain_id)).account_view(sender, calls).estimates)


def test_transfers_to_whom_runs_no_code_need_no_estimate(ground: Ground, url: str, one_by_one: list[Call]) -> None:
    transfers = [Call(ground.issuer, to, COIN, b"") for to in NOBODIES]
    assert told(url, ground.issuer, transfers) == [PLAIN] * 90
    assert one_by_one == []


def test_who_runs_code_when_it_is_paid_is_estimated(ground: Ground, url: str, one_by_one: list[Call]) -> None:
    sink, closed = ground.deploy("Sink").address, ground.deploy("Collectible").address
    transfers = [Call(ground.issuer, to, COIN, b"") for to in (NOBODIES[0], sink, closed, NOBODIES[1])]

    first, of_sink, of_closed, last = told(url, ground.issuer, transfers)

    assert (first, last) == (PLAIN, PLAIN)
    assert isinstance(of_sink, GasEstimate)
    assert of_sink.gas > PLAIN.gas
    assert isinstance(of_closed, Revert)
    assert one_by_one == transfers[1:3]


def test_a_recipient_whose_creation_is_pending_is_seen(ground: Ground, url: str) -> None:
    """Invariant 11: as if what the account has sent before had happened."""
    nonce = ground.w3.eth.get_transaction_count(Web3.to_checksum_address(ground.issuer))
    created = get_create_address(ground.issuer, nonce)
    transfers = [Call(ground.issuer, to, COIN, b"") for to in (NOBODIES[0], created)]
    assert told(url, ground.issuer, transfers) == [PLAIN, PLAIN]

    rpc.call(url, "evm_setAutomine", False)
    try:
        ground.start_deployment("Sink")
        plain, of_sink = told(url, ground.issuer, transfers)
    finally:
        rpc.call(url, "evm_setAutomine", True)
        rpc.call(url, "evm_mine")

    assert plain == PLAIN
    assert isinstance(of_sink, GasEstimate)
    assert of_sink.gas > PLAIN.gas


def test_transfers_that_the_sender_cannot_pay_together_are_judged_one_by_one(
    ground: Ground, url: str, one_by_one: list[Call]
) -> None:
    half = ground.balance(ground.stranger) // 2
    transfers = [Call(ground.stranger, to, half, b"") for to in NOBODIES[:3]]
    assert told(url, ground.stranger, transfers) == [PLAIN] * 3
    assert one_by_one == transfers

"""What a mined transaction made or moved, read from its receipt: never from what was asked for or predicted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.jobs.model import Failure, Job
from chalicelib.jobs.receipts import Receipt

CREATE_TOKEN = "createToken"  # nosec B105 # noqa: S105 -- the name of a job
CREATE_WALLET = "createWallet"
MINT = "mint"
BURN = "burn"
ADMIN_TRANSFER = "adminTransfer"
NOBODY = "0x" + "0" * 40


@dataclass(frozen=True, slots=True)
class _Maker:
    """Which events of its factory name what a job has made, and under which name the job shows it."""

    events: frozenset[str]
    argument: str
    shown_as: str


_MAKERS: Mapping[str, _Maker] = {
    CREATE_TOKEN: _Maker(frozenset({"TokenCreated"}), "token", "tokenAddress"),
    CREATE_WALLET: _Maker(frozenset({"WalletCreated", "WalletExisted"}), "wallet", "walletAddress"),
}


def makes_something(job: Job) -> bool:
    """Whether its transaction makes a contract, which is told as soon as it is mined."""
    return job.name in _MAKERS or job.request.to is None


def result_of(job: Job, receipt: Receipt) -> Mapping[str, Any]:
    """What the transaction made: `{"tokenAddress" | "walletAddress" | "contractAddress", "blockNumber"}`. Empty for a revert.

    A token or a wallet counts only by an event of the contract the job called, naming the job's account as owner.
    """
    if not receipt.succeeded:
        return {}
    if job.request.to is None:
        address = receipt.contract_address
        return {} if address is None else {"contractAddress": address, "blockNumber": receipt.block_number}
    arrived = _arrived(job, receipt)
    if arrived is not None and arrived not in (0, int(job.data["amount"])):
        return {"amountReceived": str(arrived)}
    maker = _MAKERS.get(job.name)
    if maker is None:
        return {}
    for event in receipt.events:
        if event.contract == job.request.to and event.name in maker.events and event.args["owner"] == job.account:
            return {maker.shown_as: event.args[maker.argument], "blockNumber": receipt.block_number}
    return {}


def effect_missing(job: Job, receipt: Receipt) -> Failure | None:
    """Why a job whose transaction is mined with status 1 has failed all the same. None where it did what was asked.

    A contract may accept any call, or return false in place of a revert. So a mint, a burn and a transfer from a wallet are
    made only when the token's own Transfer event says so, between the right parties.
    """
    if not receipt.succeeded or _arrived(job, receipt) != 0:
        return None
    sender, receiver = _parties(job) or ("", "")
    problem = (
        f"The transaction was mined, but the token {job.data['tokenAddress']} moved nothing: "
        f"its receipt has no Transfer event of {job.data['amount']} units from {sender} to {receiver}."
    )
    return Failure("TransferNotMade", problem)


def _arrived(job: Job, receipt: Receipt) -> int | None:
    """Units of the job's token that moved between its parties. A token that takes a fee moves fewer than were asked for.

    None for a job that moves none, and where it cannot be told: its row does not name the parties, or the receipt has no logs.
    """
    parties = _parties(job)
    if parties is None or receipt.transfers is None or not receipt.succeeded:
        return None
    wanted = tuple(address.lower() for address in (job.data["tokenAddress"], *parties))
    return sum(moved.amount for moved in receipt.transfers if (moved.token, moved.sender, moved.receiver) == wanted)


def _parties(job: Job) -> tuple[str, str] | None:
    """(who gives, who gets), by the job's data."""
    data = job.data
    if not {"tokenAddress", "amount"} <= data.keys():
        return None
    sender, receiver = {
        MINT: (NOBODY, data.get("toAddress")),
        BURN: (data.get("from"), NOBODY),
        ADMIN_TRANSFER: (data.get("wallet"), data.get("to")),
    }.get(job.name, (None, None))
    return None if sender is None or receiver is None else (sender, receiver)

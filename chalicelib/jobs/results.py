"""What a mined transaction made or moved. It is read from the receipt, never from the request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.jobs.fail_codes import FailCode
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
    """The events of the factory that name the made contract, and the field in which the job shows it."""

    events: frozenset[str]
    argument: str
    shown_as: str


_MAKERS: Mapping[str, _Maker] = {
    CREATE_TOKEN: _Maker(frozenset({"TokenCreated"}), "token", "tokenAddress"),
    CREATE_WALLET: _Maker(frozenset({"WalletCreated", "WalletExisted"}), "wallet", "walletAddress"),
}


def makes_something(job: Job) -> bool:
    """True if the job makes a contract, whose address it shows as soon as the transaction is mined."""
    return job.name in _MAKERS or job.request.to is None


def result_of(job: Job, receipt: Receipt) -> Mapping[str, Any]:
    """Return what it made: `{"tokenAddress" | "walletAddress" | "contractAddress", "blockNumber"}`. Empty for a revert.

    A token or a wallet counts only if an event of the called contract names it, with the job's account as owner.
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
    """Return why a job has failed although its transaction is mined with status 1. None if it had its effect.

    A contract may accept any call, or return false in place of a revert. So a mint, a burn and a transfer from a wallet count
    only if the token's own Transfer event says so, between the right parties.
    """
    if not receipt.succeeded or _arrived(job, receipt) != 0:
        return None
    sender, receiver = _parties(job) or ("", "")
    problem = (
        f"The transaction was mined, but the token {job.data['tokenAddress']} moved nothing: "
        f"its receipt has no Transfer event of {job.data['amount']} units from {sender} to {receiver}."
    )
    return Failure(FailCode.TRANSFER_NOT_MADE, problem)


def _arrived(job: Job, receipt: Receipt) -> int | None:
    """Return the units of the job's token that moved between its parties. A token with a fee moves less than was asked for.

    None for a job that moves no token, and if its row does not name the parties or the logs are not known.
    """
    parties = _parties(job)
    if parties is None or receipt.transfers is None or not receipt.succeeded:
        return None
    wanted = tuple(address.lower() for address in (job.data["tokenAddress"], *parties))
    return sum(moved.amount for moved in receipt.transfers if (moved.token, moved.sender, moved.receiver) == wanted)


def _parties(job: Job) -> tuple[str, str] | None:
    """Return (sender, receiver) from the job's data."""
    data = job.data
    if not {"tokenAddress", "amount"} <= data.keys():
        return None
    sender, receiver = {
        MINT: (NOBODY, data.get("toAddress")),
        BURN: (data.get("from"), NOBODY),
        ADMIN_TRANSFER: (data.get("wallet"), data.get("to")),
    }.get(job.name, (None, None))
    return None if sender is None or receiver is None else (sender, receiver)

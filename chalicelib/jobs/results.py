"""What a mined transaction made, read from its events: never from what was asked for or predicted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.jobs.model import Job, Receipt

CREATE_TOKEN = "createToken"  # nosec B105 # noqa: S105 -- the name of a job
CREATE_WALLET = "createWallet"


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
    """Whether somebody waits for what its transaction makes, and not only for its end."""
    return job.name in _MAKERS


def result_of(job: Job, receipt: Receipt) -> Mapping[str, Any]:
    """`{"tokenAddress" | "walletAddress", "blockNumber"}` of a job that makes one; empty for every other, and for a revert.

    Only an event of the contract the job called, naming the job's account as owner, counts.
    """
    maker = _MAKERS.get(job.name)
    if maker is None or not receipt.succeeded:
        return {}
    for event in receipt.events:
        if event.contract == job.request.to and event.name in maker.events and event.args["owner"] == job.account:
            return {maker.shown_as: event.args[maker.argument], "blockNumber": receipt.block_number}
    return {}

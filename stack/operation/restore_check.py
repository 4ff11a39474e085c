"""Restored rows against the chain: which transactions of an account no row knows, and whose they are.

What was signed after the moment of the restore is unknown to the rows, and the chain has it. A mined transaction that no row
knows and that says what a job says (to, value, call data) is that job's: written into the row, the job is closed by its receipt
like any other. What matches no job is told, for its issuer to know. Pure but for reading blocks and writing rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.chain.addresses import checksum_address
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import (
    IN_FLIGHT,
    RETRYABLE,
    Account,
    Attempt,
    Fees,
    Job,
    Purpose,
    SignedTransaction,
    Status,
    UnsignedTransaction,
)
from chalicelib.jobs.ports import Chain, Signer
from chalicelib.jobs.states import retried, started, with_next_check, with_transaction
from stack.progress import Say

BLOCKS_AT_ONCE = 20
PROGRESS_BLOCKS = 1_000
MARGIN = timedelta(minutes=5)
"""Clocks of nodes, of the service and of DynamoDB differ."""
PLAIN_TRANSFER_GAS = 21_000


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block, deep enough."""

    hash: str
    sender: str
    nonce: int
    to: str | None
    value: int
    data: bytes
    gas: int
    fees: Fees
    block: int

    @property
    def is_plain(self) -> bool:
        """Such as frees a nonce: nothing, to itself."""
        return (self.to, self.value, self.data) == (self.sender, 0, b"")


@dataclass(frozen=True, slots=True)
class Match:
    """A mined transaction that no row knew, and the job that it is of."""

    job: Job
    transaction: Mined


@dataclass(frozen=True, slots=True)
class Findings:
    """Of one account."""

    matches: Sequence[Match]
    nobodys: Sequence[Mined]
    """Of jobs that no row tells of, or of another program."""
    undecided: Sequence[Match]
    """Of a job in flight at another nonce: its worker has to find out first that it lost that one."""


def compare(transactions: Iterable[Mined], jobs: Sequence[Job]) -> Findings:
    """`jobs`: those of the account; `transactions`: its own. Each job takes one; of those that say the same, the oldest."""
    known = {hash_ for job in jobs for attempt in job.attempts for hash_ in attempt.hashes}
    open_to = sorted((job for job in jobs if job.status is not Status.SUCCEEDED), key=_claim)
    matches: list[Match] = []
    nobodys: list[Mined] = []
    undecided: list[Match] = []
    for transaction in sorted(transactions, key=lambda one: one.nonce):
        if transaction.hash in known:
            continue
        job = next((job for job in open_to if _is_its_nonce(job, transaction)), None)
        job = job or next((job for job in open_to if _says_the_same(job, transaction)), None)
        if job is None:
            nobodys.append(transaction)
            continue
        open_to.remove(job)
        if job.status in IN_FLIGHT and job.attempt.nonce != transaction.nonce:
            undecided.append(Match(job, transaction))
        else:
            matches.append(Match(job, transaction))
    return Findings(matches, nobodys, undecided)


def _claim(job: Job) -> tuple[int, str]:
    """Whoever is waiting to be signed comes first, then those in flight, then what has ended and was perhaps retried."""
    rank = 0 if job.status is Status.PENDING else 1 if job.status in IN_FLIGHT else 2
    return rank, job.issued_order


def _is_its_nonce(job: Job, transaction: Mined) -> bool:
    """A replacement, or the cancel transaction, that was signed after the restored moment."""
    if job.status not in IN_FLIGHT or job.attempt.nonce != transaction.nonce:
        return False
    return transaction.is_plain or _says_the_same(job, transaction)


def _says_the_same(job: Job, transaction: Mined) -> bool:
    request = job.request
    return (request.to, request.value, request.data) == (transaction.to, transaction.value, transaction.data)


def repaired(match: Match, now: datetime) -> Job:
    """The job with the transaction that it had signed: in flight, to be closed by its receipt (invariant 5)."""
    job, mined = match.job, match.transaction
    purpose = Purpose.CANCEL if mined.is_plain and not _says_the_same(job, mined) else Purpose.ORIGINAL
    transaction = SignedTransaction(mined.hash, b"", mined.fees, now, mined.block, purpose)
    if job.status in IN_FLIGHT:
        return with_next_check(with_transaction(job, transaction, now), now)
    if job.status in RETRYABLE:
        job = retried(job, now, next_check_at=now)
    return with_next_check(started(job, Attempt(mined.nonce, mined.gas, (transaction,)), now, next_check_at=now), now)


def gaps(account: Account, jobs: Iterable[Job], mined: int) -> list[int]:
    """Nonces that are taken and that no row has a transaction for: whatever is signed behind them would wait for ever."""
    held = {job.attempt.nonce for job in jobs if job.status in IN_FLIGHT}
    return [nonce for nonce in range(mined, account.next_nonce or 0) if nonce not in held]


def fill(account: Account, nonces: Sequence[int], signer: Signer, chain: Chain) -> None:
    """Transfers of nothing to itself. Nobody waits for one: whatever is mined at the nonce, it is used."""
    outlook = chain.account_view(account.address, [])
    now = datetime.now(UTC)
    sent: list[SignedTransaction] = []
    for nonce in nonces:
        plain = UnsignedTransaction(account.chain_id, nonce, account.address, 0, b"", PLAIN_TRANSFER_GAS, outlook.fees)
        hash_, raw = signer.sign(plain)
        sent.append(SignedTransaction(hash_, raw, outlook.fees, now, outlook.head.number))
    chain.broadcast(sent)


# --- what the chain has ------------------------------------------------------------------------------------------------


def mined_since(rpc: RpcClient, addresses: Iterable[str], since: datetime, final: int, say: Say) -> Iterator[Mined]:
    """Every transaction of these accounts in the blocks after `since`, up to the block `final`. Reads whole blocks, which any
    node has; no state of the past, which few have.

    Raises ChainUnavailable when a block cannot be read: none is left out.
    """
    wanted = {address.lower(): address for address in addresses}
    first = _first_block_after(rpc, since - MARGIN, final)
    say(f"Reading blocks {first} to {final}")
    for start in range(first, final + 1, BLOCKS_AT_ONCE):
        numbers = range(start, min(start + BLOCKS_AT_ONCE, final + 1))
        for block in _blocks(rpc, numbers):
            for transaction in block["transactions"]:
                if str(transaction["from"]).lower() in wanted:
                    yield _mined(transaction, wanted[transaction["from"].lower()])
        if (start - first) % PROGRESS_BLOCKS == 0 and start > first:
            say(f"block {start} of {final}")


def counts(rpc: RpcClient, addresses: Iterable[str], at: str) -> dict[str, int]:
    """How many transactions each account has had up to a block. Raises ChainUnavailable when the node does not tell."""
    wanted = list(addresses)
    answers = rpc.read_together([("eth_getTransactionCount", [address, at]) for address in wanted])
    found = {address: answer.result for address, answer in zip(wanted, answers, strict=True)}
    silent = [address for address, count in found.items() if not isinstance(count, str)]
    if silent:
        raise ChainUnavailable(f"No node tells how many transactions {silent[0]} has had by block {at}.")
    return {address: int(count, 16) for address, count in found.items()}


def _blocks(rpc: RpcClient, numbers: Iterable[int]) -> list[Mapping[str, Any]]:
    calls = [("eth_getBlockByNumber", [hex(number), True]) for number in numbers]
    answers = rpc.batch(calls)
    for (_, (number, _full)), answer in zip(calls, answers, strict=True):
        if not isinstance(answer.result, dict) or not isinstance(answer.result.get("transactions"), list):
            raise ChainUnavailable(f"No node shows block {int(str(number), 16)}: nothing can be decided without it.")
    return [answer.result for answer in answers]


def _first_block_after(rpc: RpcClient, at: datetime, final: int) -> int:
    low, high = 0, final
    while low < high:
        middle = (low + high) // 2
        block = rpc.call("eth_getBlockByNumber", hex(middle), False)
        if block is None:
            raise ChainUnavailable(f"No node shows block {middle}: nothing can be decided without it.")
        if int(block["timestamp"], 16) < at.timestamp():
            low = middle + 1
        else:
            high = middle
    return low


def _mined(transaction: Mapping[str, Any], sender: str) -> Mined:
    tip = transaction.get("maxPriorityFeePerGas")
    price = transaction.get("maxFeePerGas") if tip is not None else transaction.get("gasPrice")
    return Mined(
        hash=str(transaction["hash"]),
        sender=sender,
        nonce=int(transaction["nonce"], 16),
        to=checksum_address(transaction["to"]) if transaction.get("to") else None,
        value=int(transaction["value"], 16),
        data=bytes.fromhex(transaction["input"][2:]),
        gas=int(transaction["gas"], 16),
        fees=Fees(int(price or "0x0", 16), None if tip is None else int(tip, 16)),
        block=int(transaction["blockNumber"], 16),
    )

"""Compare restored jobs with the chain: find the transactions of an account that no row has, and the jobs they belong to.

Rows do not have the transactions that were signed after the restored moment; the chain has them. Such a transaction belongs to
the job with the same recipient, value and call data. It is written into the job's row, and its receipt then closes the job like
any other. Transactions that belong to no job are printed, so that their issuers can be told.
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
from chalicelib.networks import TRANSFER_GAS
from stack.progress import Say

BLOCKS_AT_ONCE = 20
PROGRESS_BLOCKS = 1_000
MARGIN = timedelta(minutes=5)
"""How much earlier to begin reading: the clocks of nodes, of the service and of DynamoDB differ."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block that is deep enough to be final."""

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
        """True for a transfer of nothing to itself, such as a cancel transaction, which only uses up its nonce."""
        return (self.to, self.value, self.data) == (self.sender, 0, b"")


@dataclass(frozen=True, slots=True)
class Match:
    """A mined transaction that no row has, and the job that it belongs to."""

    job: Job
    transaction: Mined


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of the comparison for one account."""

    matches: Sequence[Match]
    unmatched: Sequence[Mined]
    """Transactions of jobs that have no row, or of another program."""
    undecided: Sequence[Match]
    """Transactions of jobs that are in flight at another nonce: ConfirmJobs has to settle that nonce first."""


def compare(transactions: Iterable[Mined], jobs: Sequence[Job]) -> Findings:
    """Match the transactions of an account with its jobs. Each job gets at most one, the one with the lowest nonce."""
    known = {hash_ for job in jobs for attempt in job.attempts for hash_ in attempt.hashes}
    open_to = sorted((job for job in jobs if job.status is not Status.SUCCEEDED), key=_match_order)
    matches: list[Match] = []
    unmatched: list[Mined] = []
    undecided: list[Match] = []
    for transaction in sorted(transactions, key=lambda one: one.nonce):
        if transaction.hash in known:
            continue
        job = next((job for job in open_to if _is_its_nonce(job, transaction)), None)
        job = job or next((job for job in open_to if _is_same_request(job, transaction)), None)
        if job is None:
            unmatched.append(transaction)
            continue
        open_to.remove(job)
        if job.status in IN_FLIGHT and job.attempt.nonce != transaction.nonce:
            undecided.append(Match(job, transaction))
        else:
            matches.append(Match(job, transaction))
    return Findings(matches, unmatched, undecided)


def _match_order(job: Job) -> tuple[int, str]:
    """Sort pending jobs first, then jobs in flight, then ended jobs, which may have been retried."""
    rank = 0 if job.status is Status.PENDING else 1 if job.status in IN_FLIGHT else 2
    return rank, job.issued_order


def _is_its_nonce(job: Job, transaction: Mined) -> bool:
    """True for a replacement or cancel transaction that was signed after the restored moment."""
    if job.status not in IN_FLIGHT or job.attempt.nonce != transaction.nonce:
        return False
    return transaction.is_plain or _is_same_request(job, transaction)


def _is_same_request(job: Job, transaction: Mined) -> bool:
    """True when recipient, value and call data are the job's."""
    request = job.request
    return (request.to, request.value, request.data) == (transaction.to, transaction.value, transaction.data)


def repaired(match: Match, now: datetime) -> Job:
    """Return the job in flight with its transaction, to be closed by the receipt (invariant 5)."""
    job, mined = match.job, match.transaction
    purpose = Purpose.CANCEL if mined.is_plain and not _is_same_request(job, mined) else Purpose.ORIGINAL
    transaction = SignedTransaction(mined.hash, b"", mined.fees, now, mined.block, purpose)
    if job.status in IN_FLIGHT:
        return with_next_check(with_transaction(job, transaction, now), now)
    if job.status in RETRYABLE:
        job = retried(job, now, next_check_at=now)
    return with_next_check(started(job, Attempt(mined.nonce, mined.gas, (transaction,)), now, next_check_at=now), now)


def lost_nonces(account: Account, jobs: Iterable[Job], mined: int) -> list[int]:
    """Return the nonces that are taken but in no row's transaction. Later transactions would wait for them for ever."""
    held = {job.attempt.nonce for job in jobs if job.status in IN_FLIGHT}
    return [nonce for nonce in range(mined, account.next_nonce or 0) if nonce not in held]


def fill_nonces(account: Account, nonces: Sequence[int], signer: Signer, chain: Chain) -> None:
    """Use up the nonces: sign and broadcast transfers of nothing to itself, without waiting for them."""
    account_view = chain.account_view(account.address, [])
    now = datetime.now(UTC)
    sent: list[SignedTransaction] = []
    for nonce in nonces:
        plain = UnsignedTransaction(account.chain_id, nonce, account.address, 0, b"", TRANSFER_GAS, account_view.fees)
        hash_, raw = signer.sign(plain)
        sent.append(SignedTransaction(hash_, raw, account_view.fees, now, account_view.head.number))
    chain.broadcast(sent)


# --- reading the chain -------------------------------------------------------------------------------------------------


def mined_since(rpc: RpcClient, addresses: Iterable[str], since: datetime, final: int, say: Say) -> Iterator[Mined]:
    """Return every transaction of these accounts in the blocks after `since`, up to block number `final`.

    Reads whole blocks, which any node has, and no earlier state, which few nodes keep. Raises ChainUnavailable when a block
    cannot be read.
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


def transaction_counts(rpc: RpcClient, addresses: Iterable[str], at: str) -> dict[str, int]:
    """Return the number of transactions of each account up to block `at`. Raises ChainUnavailable when no node answers."""
    wanted = list(addresses)
    answers = rpc.read_together([("eth_getTransactionCount", [address, at]) for address in wanted])
    found = {address: answer.result for address, answer in zip(wanted, answers, strict=True)}
    silent = [address for address, count in found.items() if not isinstance(count, str)]
    if silent:
        raise ChainUnavailable(f"No node has the number of transactions of {silent[0]} at block {at}.")
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

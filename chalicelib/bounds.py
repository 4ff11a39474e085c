"""Limits of one job, one row, one answer and one issuer, so that none of them stops the work on others (invariant 12).

The defaults suit the functions' sizes in `.chalice/config.json` (30 s, 512 to 1,024 MB) and DynamoDB's limits.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits. The name says the unit."""

    row_bytes: int = 300_000
    """The largest row of a job that may still be retried. DynamoDB takes 400 KB, so a running attempt has room to grow."""
    round_bytes: int = 3_000_000
    """The rows of one TransactWriteItems together. DynamoDB takes 4 MB."""
    page_bytes: int = 4_000_000
    """The jobs in one HTTP reply. Lambda returns at most 6 MB."""
    rpc_answer_bytes: int = 8_000_000
    """The answer to one RPC request, decompressed. A batch with a larger answer is split."""
    rpc_receipt_bytes: int = 64_000_000
    """The answer with one receipt that is too large for `rpc_answer_bytes`. Such a receipt is read last, without its logs."""
    rpc_answer_seconds: float = 6.0
    """One RPC request, from its first byte to the last byte of its answer."""
    estimate_seconds: float = 12.0
    """All estimates of one round together, however often their batch is split."""
    round_seconds: float = 3.0
    """How long the estimates of one round should take. When they take longer, the next round takes fewer jobs."""
    run_seconds: float = 20.0
    """One worker run: no account and no round begins later. The function has 30 s."""
    rounds: int = 30
    """Rounds of one worker run on one account."""
    unsigned_seconds: float = 86_400.0
    """A job fails when it cannot be signed for this long."""
    slow_estimate_seconds: float = 180.0
    """A job fails when its estimate alone is too slow or too large for this long, which is about seven tries."""
    earlier_jobs_seconds: float = 120.0
    """How long a job whose estimate reverts waits for earlier unsigned jobs of the account. Jobs that are unsigned for longer
    probably cannot be signed.
    """
    revert_belief_seconds: float = 600.0
    """After this long, a revert in estimation fails the job, even if earlier transactions are not settled."""
    open_jobs_of_owner: int = 10_000
    """Jobs of one owner that may be open for more than a few minutes. A further job is refused."""
    shared_blocks_of_gas: int = 2
    """Blocks of gas that one owner may have in flight on a shared account. A single job is always allowed."""
    shared_part_in_flight: float = 0.5
    """The part of a shared account's transactions in flight that one owner may have."""
    unmined_blocks: int = 60
    """Blocks for which a job may hold its account's next nonce without being mined. Then it gives the nonce up."""
    replay_seconds: float = 8.0
    """All replays of mined reverts in one run of ConfirmJobs. Later jobs fail without a decoded reason."""
    gas_attempts: int = 3
    """A job fails when this many attempts in a row run out of the gas that this service estimated."""

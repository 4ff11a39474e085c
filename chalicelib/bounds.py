"""How much one job, one row, one answer or one issuer may take, so that none of them stops the work of others (invariant 12).

The defaults suit the functions' sizes in `.chalice/config.json` (30 s, 512 to 1,024 MB) and DynamoDB's limits.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Named limits, each with its unit in the name."""

    row_bytes: int = 300_000
    """Of a job's row. DynamoDB takes 400 KB; what a job may still need after its last accepted request fits in between."""
    round_bytes: int = 3_000_000
    """Of the rows that one TransactWriteItems writes. DynamoDB takes 4 MB."""
    page_bytes: int = 4_000_000
    """Of the jobs in one HTTP reply. Lambda returns at most 6 MB."""
    rpc_answer_bytes: int = 8_000_000
    """Of the answer to one RPC request, decompressed. A batch whose answer is larger is split."""
    rpc_receipt_bytes: int = 64_000_000
    """Of the answer with one receipt that is too large for `rpc_answer_bytes`: it is read after all else, without its logs."""
    rpc_answer_seconds: float = 6.0
    """For one RPC request, from its first byte to the last one of its answer."""
    estimate_seconds: float = 12.0
    """For all estimates of one round, however often their batch is split."""
    round_seconds: float = 3.0
    """For the estimates of one round, aimed at: where jobs take longer, the next round takes fewer of them."""
    run_seconds: float = 20.0
    """Of one worker run. No account or round begins later; the function itself has 30 s."""
    rounds: int = 30
    """Of one worker run on one account."""
    unsigned_seconds: float = 86_400.0
    """A job that cannot be signed for so long fails."""
    slow_estimate_seconds: float = 180.0
    """A job fails when its estimate, asked for alone, is too slow or too large for this long: in about seven tries."""
    earlier_jobs_seconds: float = 120.0
    """After so long, a job whose estimate reverts waits no longer for earlier jobs of the account that are not signed. What
    delays a job for a moment is over by then; what remains are jobs that cannot be signed themselves.
    """
    revert_belief_seconds: float = 600.0
    """A revert in estimation is believed after so long at the latest, although earlier transactions are not settled."""
    open_jobs_of_owner: int = 10_000
    """Jobs of one owner that may be open for longer than a few minutes. Another one is refused."""
    shared_blocks_of_gas: int = 2
    """Of the gas that a block takes: what one owner may have in flight on a shared account. A single job always goes."""
    shared_part_in_flight: float = 0.5
    """Of the transactions that an account may have in flight: one owner's on a shared account."""
    unmined_blocks: int = 60
    """Blocks for which a job may hold its account's next nonce at a fee that is not mined. Then it gives the nonce up."""
    replay_seconds: float = 8.0
    """For all replays of mined reverts in one run of ConfirmJobs. Later ones fail without a decoded reason."""
    gas_attempts: int = 3
    """Attempts in a row that may run out of the gas that this service estimated, before the job fails."""

"""What some jobs took altogether, from issue to final: per job, in the price table's words, and how little it could be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from tests.bench.dollars import Usage
from tests.bench.processes import Invocation
from tests.bench.tally import Tally

PLATFORM_LOG_BYTES = 300
"""Lambda's own START, END and REPORT lines of an invocation."""


@dataclass(frozen=True, slots=True)
class Counted:
    """`standard_batches` and `fifo_batches` are what was delivered from queues of the two kinds."""

    jobs: int
    by_function: Mapping[str, Tally]
    invocations: Sequence[Invocation]
    standard_batches: int
    fifo_batches: int
    log_bytes: int

    @property
    def tally(self) -> Tally:
        return sum(self.by_function.values(), Tally())

    @property
    def sqs_fifo(self) -> int:
        """What the functions sent, and a ReceiveMessage and a DeleteMessageBatch for each delivered batch."""
        return self.tally.sqs_fifo + 2 * self.fifo_batches

    @property
    def sqs_standard(self) -> int:
        return self.tally.sqs_standard + 2 * self.standard_batches

    def per_job(self) -> dict[str, float]:
        tally = self.tally
        totals = {
            "rpc_http": tally.rpc_http,
            "sqs": self.sqs_fifo + self.sqs_standard,
            "write_units": tally.writes,
            "read_units": tally.reads,
            "kms": tally.of_service("kms"),
            "invocations": len(self.invocations),
        }
        return {name: total / self.jobs for name, total in totals.items()}

    def usage(self, memory_mb: Mapping[str, int]) -> Usage:
        """In the price table's words. Lambda bills started milliseconds, of the function's memory."""
        tally = self.tally
        gb_seconds = sum(ceil(made.seconds * 1_000) / 1_000 * memory_mb[made.function] / 1_024 for made in self.invocations)
        counted = {
            "API Gateway REST request": sum(made.function == "api" for made in self.invocations),
            "Lambda request": len(self.invocations),
            "DynamoDB write unit": tally.writes,
            "DynamoDB read unit": tally.reads,
            "SQS standard request": self.sqs_standard,
            "SQS FIFO request": self.sqs_fifo,
            "KMS ECC request": tally.of_service("kms"),
            "Secrets Manager request": tally.of_service("secretsmanager"),
        }
        return Usage(self.jobs, counted, gb_seconds, self.log_bytes + PLATFORM_LOG_BYTES * len(self.invocations))

    def __add__(self, other: "Counted") -> "Counted":
        functions = sorted({*self.by_function, *other.by_function})
        return Counted(
            self.jobs + other.jobs,
            {name: self.by_function.get(name, Tally()) + other.by_function.get(name, Tally()) for name in functions},
            [*self.invocations, *other.invocations],
            self.standard_batches + other.standard_batches,
            self.fifo_batches + other.fifo_batches,
            self.log_bytes + other.log_bytes,
        )


def floor(jobs: int) -> dict[str, float]:
    """What a burst cannot do without, per job, if everything were batched perfectly and no query needed an index.

    The node: one batch to simulate, one to broadcast, one to see receipts. SQS: one nudge and one poll, each sent, received and
    deleted. Writes: the put, the transactional write (twice), the final one, of items below 1 KB. Reads: one by each worker.
    """
    return {
        "rpc_http": 3 / jobs,
        "sqs": 6 / jobs,
        "write_units": 4.0,
        "read_units": 2.0,
        "kms": 1.0,
        "invocations": 1 + 2 / jobs,
    }


def floor_usage(jobs: int) -> Usage:
    """The floor in the price table's words, of a whole burst; without Lambda's time and logs."""
    least = floor(jobs)
    per_job = {
        "API Gateway REST request": 1.0,
        "Lambda request": least["invocations"],
        "DynamoDB write unit": least["write_units"],
        "DynamoDB read unit": least["read_units"],
        "SQS standard request": least["sqs"] / 2,
        "SQS FIFO request": least["sqs"] / 2,
        "KMS ECC request": least["kms"],
    }
    return Usage(jobs, {name: count * jobs for name, count in per_job.items()}, 0.0, 0)

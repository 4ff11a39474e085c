"""What counts cost, by a dated price table: tests/bench/prices.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("prices.json")
SERVICES = ("API Gateway", "Lambda", "DynamoDB", "SQS", "KMS", "Secrets Manager")
GB = 10**9
"""CloudWatch bills decimal gigabytes of logs."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars."""

    as_of: str
    source: str
    per_million: Mapping[str, float]
    """By the name of what is counted."""
    per_lambda_gb_second: float
    per_log_gb: float

    @classmethod
    def read(cls, file: Path = TABLE) -> "Prices":
        table = json.loads(file.read_text())
        return cls(
            as_of=f"{table['as_of']}, {table['region']}",
            source=table["source"],
            per_million=table["usd_per_million"],
            per_lambda_gb_second=table["usd_per_lambda_gb_second"],
            per_log_gb=table["usd_per_log_gb"],
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What some jobs took altogether. `counted` is by the price table's names."""

    jobs: int
    counted: Mapping[str, float]
    lambda_gb_seconds: float
    log_bytes: int


def usd_per_million_jobs(usage: Usage, prices: Prices) -> dict[str, float]:
    """By service, what a million such jobs cost. Raises KeyError for something counted that has no price."""
    bill: dict[str, float] = {}
    for what, count in usage.counted.items():
        service = service_of(what)
        # so many of it a job, times its price per million
        bill[service] = bill.get(service, 0.0) + count / usage.jobs * prices.per_million[what]
    million = 10**6 / usage.jobs
    bill["Lambda"] = bill.get("Lambda", 0.0) + usage.lambda_gb_seconds * million * prices.per_lambda_gb_second
    bill["CloudWatch Logs"] = usage.log_bytes / GB * million * prices.per_log_gb
    return bill


def service_of(what: str) -> str:
    """`DynamoDB write unit` → DynamoDB: the service's name comes first."""
    return next(name for name in SERVICES if what.startswith(name))

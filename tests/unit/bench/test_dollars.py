"""What counts cost."""

import json
from pathlib import Path

import pytest

from tests.bench.counted import Counted, floor_usage
from tests.bench.dollars import TABLE, Prices, Usage, usd_per_million_jobs
from tests.bench.processes import Invocation
from tests.bench.tally import Tally

PRICES = Prices(
    as_of="2020-01",
    source="made up",
    per_million={"SQS FIFO request": 0.5, "SQS standard request": 0.4, "KMS ECC request": 15.0},
    per_lambda_gb_second=0.00001,
    per_log_gb=0.5,
)


def test_a_million_jobs_cost_a_million_times_the_share_of_one() -> None:
    usage = Usage(
        jobs=10,
        counted={"SQS FIFO request": 20, "SQS standard request": 5, "KMS ECC request": 10},
        lambda_gb_seconds=1.0,
        log_bytes=10_000,
    )
    bill = usd_per_million_jobs(usage, PRICES)
    assert bill == pytest.approx({"SQS": 2 * 0.5 + 0.5 * 0.4, "KMS": 15.0, "Lambda": 1.0, "CloudWatch Logs": 0.5})


def test_what_has_no_price_is_not_left_out() -> None:
    with pytest.raises(KeyError):
        usd_per_million_jobs(Usage(1, {"SQS express request": 1}, 0.0, 0), PRICES)


def test_the_price_table_is_dated_and_has_every_price_a_count_needs() -> None:
    prices = Prices.read()
    assert json.loads(Path(TABLE).read_text())["as_of"] >= "2025"
    everything = Counted(1, {}, [], 0, 0, 0).usage({}).counted
    assert set(everything) == set(prices.per_million)
    assert set(floor_usage(100).counted) <= set(prices.per_million)
    assert all(price > 0 for price in prices.per_million.values())


def test_a_delivered_batch_is_a_receive_and_a_delete_and_milliseconds_are_started_ones() -> None:
    tally = Tally(sqs_fifo=3, sqs_standard=1)
    tally.requests.update({"kms.Sign": 2, "dynamodb.GetItem": 7})
    tally.write_units["PutItem jobs"] = 4.0
    invocations = [Invocation("api", 0.0101, 0.01), Invocation("execute", 0.5, 0.1)]
    counted = Counted(2, {"api": tally}, invocations, standard_batches=2, fifo_batches=1, log_bytes=0)
    assert counted.per_job() == {
        "rpc_http": 0, "sqs": (3 + 2 + 1 + 4) / 2, "write_units": 2, "read_units": 0, "kms": 1, "invocations": 1,
    }  # fmt: skip
    usage = counted.usage({"api": 512, "execute": 1_024})
    assert usage.lambda_gb_seconds == pytest.approx(0.011 / 2 + 0.5)
    assert usage.counted["API Gateway REST request"] == 1
    assert (usage.counted["SQS FIFO request"], usage.counted["SQS standard request"]) == (5, 5)


def test_runs_of_one_size_add_up() -> None:
    one = Counted(10, {"api": Tally(rpc_http=1)}, [Invocation("api", 1, 1)], 1, 2, 3)
    other = Counted(10, {"api": Tally(rpc_http=2), "confirm": Tally(rpc_http=4)}, [], 1, 2, 3)
    both = one + other
    assert (both.jobs, both.tally.rpc_http, both.standard_batches, both.fifo_batches, both.log_bytes) == (20, 7, 2, 4, 6)

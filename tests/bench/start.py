"""Starts: the API's first answer beside the smallest Chalice app's, and a worker's first signature beside `import web3`.

Fresh interpreters on the code of the zip, compiled as it is in there, both sides in turn; processor time, medians.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import s3transfer

from stack.machine.processes import clean_environment
from tests.bench.api import JOB, http_event
from tests.bench.bursts import PATIENCE_SECONDS, job_body
from tests.bench.ground import Ground
from tests.bench.processes import ISOLATED
from tests.bench.quantiles import median
from tests.bench.rows import Part, Row, aligned, rounded
from tests.bench.waiting import all_final

ROUNDS = 9
HERE = Path(__file__).parent
Seconds = dict[str, list[float]]


def measure(ground: Ground, rounds: int = ROUNDS) -> Part:
    answers, smallest = _answers(ground, rounds)
    worker, web3 = _signatures(ground, rounds)
    start = median(answers["start"]) / median(smallest["start"])
    warm = median(answers["warm"]) / median(smallest["warm"])
    signed = median(worker["start"]) / median(web3["start"])
    ground.say(f"Starts: API {start:.2f} × the smallest app, warm {warm:.2f} ×; worker {signed:.2f} × web3")
    rows = [
        Row("api_start_ratio", rounded(start), "× the smallest", 1.25, 1.0),
        Row("api_warm_ratio", rounded(warm), "× the smallest", 1.5, 1.0),
        Row("worker_start_ratio", rounded(signed), "× import web3 + sign", 0.5),
    ]
    cells: list[tuple[str, ...]] = [("ms of processor, median and least", "this service", "beside it")]
    for what, ours, beside in (
        ("fresh interpreter to the first GET job", answers["start"], smallest["start"]),
        ("a warm GET job", answers["warm"], smallest["warm"]),
        ("fresh interpreter to the first signature", worker["start"], web3["start"]),
    ):
        cells.append((what, *(f"{median(some) * 1_000:.1f} ({min(some) * 1_000:.1f})" for some in (ours, beside))))
    return Part(rows, {"starts": aligned(cells, right=(1, 2))})


def _answers(ground: Ground, rounds: int) -> tuple[Seconds, Seconds]:
    issuer = ground.issuer(kms=False)
    with ground.fleet({"api": 1, "execute": 1, "confirm": 1}, meter=None, quiet=True) as fleet, fleet.working():
        job_id = fleet.api.issue(issuer.token, **job_body(ground, 0))
        all_final(fleet.api, [(issuer.token, job_id)], PATIENCE_SECONDS)
    event = http_event("GET", JOB, issuer.token, path={"job_id": job_id})
    environment = ground.environment("api", None)
    script = HERE / "first_answer.py"
    taken: dict[str, Seconds] = {}
    with ground.scratch() as directory:
        sides = (("ours", [ground.code]), ("smallest", [HERE / "smallest", ground.code, _boto3_alone(directory)]))
        for number in range(rounds + 1):
            for side, path in sides:
                seconds = _run([*ISOLATED, script], path, environment, event)
                if number:  # the first one of each side leaves compiled files behind
                    _add(taken.setdefault(side, {}), seconds)
    return taken["ours"], taken["smallest"]


def _boto3_alone(directory: Path) -> Path:
    """What boto3 adds to botocore: not in the zip, since no function imports it, and in the smallest app."""
    for package in (boto3, s3transfer):
        (directory / package.__name__).symlink_to(Path(package.__file__).parent)
    return directory


def _signatures(ground: Ground, rounds: int) -> tuple[Seconds, Seconds]:
    address = ground.issuer(kms=False).address
    chain_id = int(ground.env["CHAIN_ID"])
    key = {"accountId": {"S": f"{chain_id}:{address}"}}
    row = ground.client("dynamodb").get_item(TableName=ground.env["ACCOUNTS_TABLE"], Key=key)["Item"]
    account = {"chainId": chain_id, "address": address, "key": row["keyReference"]["S"]}
    environment = ground.environment("execute", None)
    script = HERE / "first_signature.py"
    taken: dict[str, Seconds] = {}
    sides: tuple[tuple[str, Sequence[str], list[Path]], ...] = (
        ("worker", ISOLATED, [ground.code]),
        ("web3", (sys.executable, "-P"), []),
    )
    for number in range(rounds + 1):
        for side, python, path in sides:
            seconds = _run([*python, script, side], path, environment, account)
            if number:
                _add(taken.setdefault(side, {}), seconds)
    return taken["worker"], taken["web3"]


def _run(command: list[str | Path], path: list[Path], environment: Mapping[str, str], given: Any) -> dict[str, float]:
    """What a fresh interpreter prints. Raises RuntimeError with its last word when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment({**environment, "PYTHONPATH": ":".join(map(str, path))}),
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[-1]} failed: {done.stderr.strip().splitlines()[-1:]}")
    printed: dict[str, float] = json.loads(done.stdout)
    return printed


def _add(to: Seconds, seconds: Mapping[str, float]) -> None:
    for name, value in seconds.items():
        to.setdefault(name, []).append(value)

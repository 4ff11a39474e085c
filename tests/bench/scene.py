"""Single events on tables of their own: each step of the service alone, and what it was billed."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from chalicelib.jobs.states import with_next_check
from chalicelib.store.accounts import DynamoAccountStore
from chalicelib.store.jobs import DynamoJobStore
from tests.bench.api import JOB, JOBS, RETRY, http_event
from tests.bench.bursts import SPENDER, job_body
from tests.bench.ground import Fleet, Ground, Issuer
from tests.bench.mapping import BATCH, taken
from tests.bench.meter import Meter
from tests.bench.tally import Tally
from tests.bench.waiting import all_final, until
from tests.scheduled import SCHEDULED

OF_A_KIND = 8
"""Real jobs of each kind, for copies to be made of."""
PATIENCE_SECONDS = 120.0
LISTED = 50
RETRIED = 10
PROCESSES = {"api": 1, "execute": 1, "confirm": 1, "reconcile": 1}
_DEFINED = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
Texts = Mapping[str, str]
"""The text attributes of one row."""

THE_END = "9999"
"""After every order."""


class Scene:
    """One process of each function, on the local stack's queues, keys and node, and on tables at another endpoint."""

    def __init__(self, ground: Ground, issuer: Issuer, fleet: Fleet, tables: Any) -> None:
        self._ground, self._issuer, self._fleet, self._tables = ground, issuer, fleet, tables

    # --- real jobs -------------------------------------------------------------------------------------------------------

    def templates(self) -> dict[str, list[Texts]]:
        """Some jobs of each kind, made as any job is. Those started and pending are left so, with their messages."""
        token, api = self._issuer.token, self._fleet.api
        too_much = {"call": {"function": "transfer(address,uint256)", "args": [SPENDER, str(10**40)]}}
        with self._fleet.working():
            ids = {"succeeded": self._issue({}), "failed": self._issue(too_much)}
            all_final(api, [(token, job_id) for of_kind in ids.values() for job_id in of_kind], PATIENCE_SECONDS)
        self._drop_messages()
        self._fleet.mappings["execute"].start()
        try:
            ids["started"] = self._issue({})
            until("all are started", lambda: self._statuses(ids["started"]) == {"started"}, PATIENCE_SECONDS)
        finally:
            self._fleet.mappings["execute"].stop()
        ids["pending"] = self._issue({})
        self._sweep_all([*ids["started"], *ids["pending"]])
        return {kind: [self._texts(job_id) for job_id in of_kind] for kind, of_kind in ids.items()}

    def _sweep_all(self, open_jobs: Sequence[str]) -> None:
        """As reconcile leaves jobs that stay open, long after: each with a next check, and nothing left to sweep."""
        env = self._ground.env
        store = DynamoJobStore(self._tables, env["JOBS_TABLE"], env["ACCOUNTS_TABLE"])
        for job in store.load(open_jobs):
            store.save(with_next_check(job, datetime.now(UTC)))
        for account in DynamoAccountStore(self._tables, env["ACCOUNTS_TABLE"]).all():
            self._tables.update_item(
                TableName=env["ACCOUNTS_TABLE"],
                Key={"accountId": {"S": account.account_id}},
                UpdateExpression="SET sweptTo = :end, sweptAgainTo = :end",
                ExpressionAttributeValues={":end": {"S": THE_END}},
            )

    def _issue(self, over: Mapping[str, Any]) -> list[str]:
        bodies = [{**job_body(self._ground, number), **over} for number in range(OF_A_KIND)]
        return self._fleet.api.issue_many((self._issuer.token, body) for body in bodies)

    def _statuses(self, job_ids: Sequence[str]) -> set[str]:
        return {str(self._fleet.api.job(self._issuer.token, job_id)["status"]) for job_id in job_ids}

    def _texts(self, job_id: str) -> Texts:
        key = {"jobId": {"S": job_id}}
        item = self._tables.get_item(TableName=self._ground.env["JOBS_TABLE"], Key=key, ConsistentRead=True)["Item"]
        return {name: value["S"] for name, value in item.items() if "S" in value}

    def _drop_messages(self) -> None:
        for url in self._ground.queues.values():
            taken(self._ground.sqs, url)

    # --- single events ---------------------------------------------------------------------------------------------------

    def fetch(self, job_id: str) -> Tally:
        return self._ask(http_event("GET", JOB, self._issuer.token, path={"job_id": job_id}))

    def list_page(self) -> Tally:
        """A full page of the issuer's jobs."""
        return self._ask(http_event("GET", JOBS, self._issuer.token, query={"limit": str(LISTED)}), LISTED)

    def retry_query(self) -> Tally:
        """Ten failed jobs, retried; what they are nudged with is dropped."""
        body = {"status": "failed", "limit": RETRIED}
        tally = self._ask(http_event("POST", RETRY, self._issuer.token, body=body), RETRIED)
        self._drop_messages()
        return tally

    def issue(self) -> Tally:
        body = job_body(self._ground, 0) | {"correlationId": str(uuid4())}
        return self._ask(http_event("POST", JOBS, self._issuer.token, body=body), status=201)

    def reconcile(self) -> Tally:
        """One run of the schedule; what it nudges is dropped."""
        tally = self._invoke("reconcile", SCHEDULED)
        self._drop_messages()
        return tally

    def execute(self) -> tuple[Tally, int]:
        """One delivery of what the queue has, and how many transactions were sent."""
        sent = self._fleet.lanes["execute"].broadcasts
        before = len(sent)
        tally = self._invoke("execute", {"Records": taken(self._ground.sqs, self._ground.queues["execute"])[:BATCH]})
        return tally, len(sent) - before

    def confirm(self) -> Tally:
        """One poll of the jobs that are in flight: by now they are as deep as they have to be."""
        tally = self._invoke("confirm", {"Records": taken(self._ground.sqs, self._ground.queues["confirm"])[:BATCH]})
        if not tally.writes:
            raise RuntimeError("confirm closed no job: what it was asked is not what the bench believes")
        return tally

    def _ask(self, event: Mapping[str, Any], found: int | None = None, status: int = 200) -> Tally:
        """An answer of the API with so many jobs. Raises RuntimeError when it has another number of them."""
        lane = self._fleet.lanes["api"]
        lane.take()
        answer = self._fleet.api.request(event, wanted=status)
        if found is not None and len(answer["data"]) != found:
            raise RuntimeError(f"{event['httpMethod']} {event['path']} told of {len(answer['data'])} jobs, not of {found}")
        return lane.take()

    def _invoke(self, function: str, event: Mapping[str, Any]) -> Tally:
        lane, (process,) = self._fleet.lanes[function], self._fleet.processes[function]
        lane.take()
        invocation = process.invoke(event)
        if invocation.error is not None or (invocation.result or {}).get("batchItemFailures"):
            raise RuntimeError(f"{function}: {invocation.error or invocation.result}")
        return lane.take()


@contextmanager
def scene(ground: Ground, issuer: Issuer, tables_url: str) -> Iterator[Scene]:
    """Processes on the tables at this URL, which are made when there are none yet."""
    tables = ground.clients_at(tables_url)("dynamodb")
    if not tables.list_tables()["TableNames"]:
        _make_tables(ground, issuer, tables)
    meter = Meter()
    meter.aws, meter.node, meter.dynamodb = ground.meter.aws, ground.meter.node, tables_url
    try:
        with ground.fleet(PROCESSES, meter=meter, quiet=True) as fleet:
            yield Scene(ground, issuer, fleet, tables)
    finally:
        meter.close()


def _make_tables(ground: Ground, issuer: Issuer, tables: Any) -> None:
    """The deployed tables again, and the issuer's account in them."""
    deployed = ground.client("dynamodb")
    for name in (ground.env["JOBS_TABLE"], ground.env["ACCOUNTS_TABLE"]):
        described = deployed.describe_table(TableName=name)["Table"]
        definition = {part: _asked(described[part]) for part in _DEFINED if described.get(part)}
        tables.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **definition)
    key = {"accountId": {"S": f"{ground.env['CHAIN_ID']}:{issuer.address}"}}
    item = deployed.get_item(TableName=ground.env["ACCOUNTS_TABLE"], Key=key, ConsistentRead=True)["Item"]
    tables.put_item(TableName=ground.env["ACCOUNTS_TABLE"], Item=item)


def _asked(described: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of what a table says of itself, what CreateTable takes."""
    taken_over = ("AttributeName", "AttributeType", "KeyType", "IndexName", "KeySchema", "Projection")
    return [{name: value for name, value in part.items() if name in taken_over} for part in described]


def settle(ground: Ground) -> None:
    """Until what was sent is as deep as it has to be, and its poll is due."""
    head = int(ground.node("eth_blockNumber"), 16)
    depth = int(ground.env["CONFIRMATIONS"])
    until("blocks", lambda: int(ground.node("eth_blockNumber"), 16) > head + depth, PATIENCE_SECONDS)
    time.sleep(1.0)  # the shortest delay of a poll: the queue shows it then

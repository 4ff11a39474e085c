"""Every command of the runbook, in the trouble that it is for."""

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3

from chalicelib.jobs.model import Job, account_id
from chalicelib.jobs.states import with_next_check
from chalicelib.store.accounts import DynamoAccountStore
from chalicelib.store.jobs import DynamoJobStore
from stack.build.package import LOCAL_STAGE, Package, package
from stack.deployment import jwt_secret
from stack.deployment.deploy import deploy
from stack.machine.local import LocalStack
from stack.operation.tokens import issuer_token
from stack.progress import silent
from tests.stack.client import Client, artifact, aws, chain_of, contract_at, wait_for
from tests.stack.issuers import fund
from tests.stack.runbook import Operator, headings
from tests.stack.test_recovery import forgotten_job

COIN = 10**18
ALARMS = (
    "Account low",
    "Account paused",
    "Chain stuck",
    "RPC down",
    "Dead letters",
    "Oldest open job",
    "API errors",
    "Throttles",
    "Function errors",
    "Reconcile not running",
    "Rotate the JWT secret",
    "Rotate a signing key",
    "Restore a table",
    "Roll back",
)


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One that may be stopped, deployed anew and damaged."""
    with LocalStack(tmp_path_factory.mktemp("runbook"), say=silent) as running:
        yield running


@pytest.fixture(scope="module")
def operator(own_stack: LocalStack) -> Operator:
    return Operator(own_stack)


@pytest.fixture(scope="module")
def env(own_stack: LocalStack) -> dict[str, str]:
    return own_stack.env


@pytest.fixture
def issuer(own_stack: LocalStack, env: dict[str, str]) -> Client:
    """With a token of the key that signs now."""
    secret = jwt_secret.read(own_stack.client, f"{env['STACK_NAME']}/jwt")
    return Client(env, issuer_token(secret, env["ISSUER_ACCOUNT"]))


@pytest.fixture(scope="module")
def chain(env: dict[str, str]) -> Web3:
    return chain_of(env)


@pytest.fixture(scope="module")
def sink(env: dict[str, str], chain: Web3) -> Any:
    issuer = Client(env, env["ISSUER_TOKEN"])
    job = issuer.await_job(issuer.issue(data=artifact("Sink")["bytecode"])["_id"])
    return contract_at(chain, "Sink", job["data"]["contractAddress"])


@pytest.fixture
def node(chain: Web3, env: dict[str, str]) -> Iterator[Callable[..., Any]]:
    """anvil's own methods; afterwards it mines as before, and the accounts are funded."""

    def ask(method: str, *params: Any) -> Any:
        answer = chain.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    yield ask
    ask("evm_setIntervalMining", 1)
    for account in (env["ISSUER_ACCOUNT"], env["OTHER_ISSUER_ACCOUNT"]):
        ask("anvil_setBalance", account, hex(100 * COIN))


def jobs_of(env: dict[str, str]) -> DynamoJobStore:
    return DynamoJobStore(aws(env, "dynamodb"), env["JOBS_TABLE"], env["ACCOUNTS_TABLE"])


def hit(sink: Any) -> tuple[str, dict[str, Any]]:
    id_ = "0x" + secrets.token_hex(32)
    return id_, {"to": sink.address, "call": {"function": "hit(bytes32)", "args": [id_]}}


def looked_after(env: dict[str, str], job_id: str) -> Job:
    """As reconcile's sweep leaves a job that is open after a minute, without the minute."""
    store = jobs_of(env)

    def marked() -> Job | None:
        job = store.get(job_id)
        assert job is not None
        return job if job.next_check_at else store.save(with_next_check(job, datetime.now(UTC) + timedelta(minutes=1)))

    return wait_for("a write of our own", marked)


def paused(env: dict[str, str], address: str) -> str | None:
    account = DynamoAccountStore(aws(env, "dynamodb"), env["ACCOUNTS_TABLE"]).get(account_id(int(env["CHAIN_ID"]), address))
    assert account is not None
    return account.paused


@contextmanager
def in_a_while(then: Callable[[], Any], seconds: float = 4) -> Iterator[None]:
    """Something happens while a command watches."""
    timer = threading.Timer(seconds, then)
    timer.start()
    yield
    timer.join()


def test_the_alarms_have_their_headings_and_each_has_commands() -> None:
    assert tuple(headings()) == ALARMS
    assert all(headings().values())


def test_account_low(operator: Operator, node: Callable[..., Any], env: dict[str, str]) -> None:
    node("anvil_setBalance", env["ISSUER_ACCOUNT"], hex(COIN // 4))
    lines = operator.run("Account low").splitlines()
    (line,) = (line for line in lines if line.startswith(env["ISSUER_ACCOUNT"]))
    assert "0.25 coins" in line
    (other,) = (line for line in lines if line.startswith(env["OTHER_ISSUER_ACCOUNT"]))
    assert " 100 coins" in other


def test_account_paused(operator: Operator, env: dict[str, str], issuer: Client) -> None:
    account = env["ISSUER_ACCOUNT"]
    operator.shell("make pause", ACCOUNT=account, REASON="we look at it")
    job = issuer.issue(to=account)
    assert "PAUSED: we look at it" in operator.run("Account paused")
    assert issuer.job(job["_id"])["status"] == "pending"
    operator.run("Account paused", ACCOUNT=account.lower())
    assert paused(env, account) is None
    assert issuer.await_job(job["_id"])["status"] == "succeeded"


def test_chain_stuck(operator: Operator, node: Callable[..., Any], env: dict[str, str], issuer: Client, chain: Web3) -> None:
    node("evm_setIntervalMining", 0)
    job_id = issuer.issue(to=env["ISSUER_ACCOUNT"])["_id"]
    hash_ = issuer.await_job(job_id, {"started"})["data"]["txHash"]
    looked_after(env, job_id)
    wait_for("an old block", lambda: datetime.now(UTC).timestamp() - chain.eth.get_block("latest")["timestamp"] > 5 or None)
    told = operator.run("Chain stuck")
    assert f"chain {env['CHAIN_ID']}  block {chain.eth.block_number}, " in told
    assert int(told.split(" s old")[0].split()[-1]) >= 5
    with in_a_while(lambda: node("evm_setIntervalMining", 1)):
        followed = operator.run("Chain stuck", JOB=job_id)
    assert any(job_id in line and hash_ in line for line in followed.splitlines())
    assert f"job {job_id}: succeeded" in followed


def test_rpc_down(operator: Operator, env: dict[str, str], issuer: Client) -> None:
    operator.shell("make deploy YES=1", RPC_URLS="http://127.0.0.1:9/v2/a-key-of-the-providers")
    job_id = issuer.issue(to=env["ISSUER_ACCOUNT"])["_id"]
    told = operator.run("RPC down")
    assert "127.0.0.1:9  DOES NOT ANSWER" in told
    assert "a-key" not in told
    assert issuer.job(job_id)["status"] == "pending"
    followed = operator.run("RPC down", GOOD_RPC_URLS=env["RPC_URL"], JOB=job_id)
    assert f"job {job_id}: succeeded" in followed


def test_dead_letters(operator: Operator, own_stack: LocalStack, env: dict[str, str], sink: Any, issuer: Client) -> None:
    sqs, functions = own_stack.client("sqs"), own_stack.client("lambda")
    urls = {
        kind: sqs.get_queue_url(QueueName=f"{env['STACK_NAME']}-{kind}-dead-letters{end}")["QueueUrl"]
        for kind, end in (("execute", ".fifo"), ("confirm", ""))
    }
    mappings = [
        mapping["UUID"]
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]
        if "dead-letters" in mapping["EventSourceArn"]
    ]
    id_ = "0x" + secrets.token_hex(32)
    later = datetime.now(UTC) + timedelta(hours=1)
    job = replace(forgotten_job(env, sink, id_), next_check_at=later)
    assert jobs_of(env).issue(job) is None
    account = account_id(job.chain_id, job.account)
    try:
        for uuid in mappings:
            functions.update_event_source_mapping(UUID=uuid, Enabled=False)
        wanted = {"command": "execute", "accountId": account, "jobIds": [job.job_id]}
        for body in (json.dumps(wanted), "no message of ours"):
            sqs.send_message(
                QueueUrl=urls["execute"], MessageBody=body, MessageGroupId=account, MessageDeduplicationId=secrets.token_hex(8)
            )
        sqs.send_message(QueueUrl=urls["confirm"], MessageBody=json.dumps({"command": "confirm", "jobIds": [job.job_id]}))
        for heading in ("Dead letters", None):  # looked at twice: looking takes nothing away
            told = operator.run(heading) if heading else operator.shell("make redrive")
            assert told.count(f"job {job.job_id} (pending)") == 2, told
            assert "no message of this service's (18 characters)" in told
        assert issuer.job(job.job_id)["status"] == "pending"
        followed = operator.run("Dead letters", JOB=job.job_id)
        assert "execute: 1 sent back; 1 left: 0 refused, 1 unreadable" in followed
        assert "confirm: 1 sent back" in followed
        assert f"job {job.job_id}: succeeded" in followed
        assert sink.functions.hits(id_).call() == 1
        assert operator.shell("make redrive").count(job.job_id) == 0
    finally:
        sqs.purge_queue(QueueUrl=urls["execute"])
        for uuid in mappings:
            functions.update_event_source_mapping(UUID=uuid, Enabled=True)


def test_oldest_open_job(operator: Operator, env: dict[str, str], issuer: Client) -> None:
    account = env["ISSUER_ACCOUNT"]
    operator.shell("make pause", ACCOUNT=account, REASON="nobody knows")
    job_id = issuer.issue(to=account)["_id"]
    store = jobs_of(env)
    wait_for("a reason", lambda: next((job.waits_because for job in store.load([job_id])), None))
    (line,) = (line for line in operator.run("Oldest open job").splitlines() if line.startswith(job_id))
    assert "the account is paused: nobody knows" in line
    answer = json.loads(operator.run("Oldest open job", ACCOUNT=account, JOB=job_id).splitlines()[-1])
    assert answer["data"]["status"] == issuer.job(job_id)["status"] == "cancelled"
    operator.shell("make unpause", ACCOUNT=account)


def api_function(own_stack: LocalStack) -> tuple[str, dict[str, str]]:
    """Its name, and its environment."""
    functions = own_stack.client("lambda")
    names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
    (name,) = (name for name in names if "-APIHandler-" in name)
    return name, functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]


def test_api_errors(operator: Operator, own_stack: LocalStack, issuer: Client) -> None:
    functions = own_stack.client("lambda")
    name, variables = api_function(own_stack)
    try:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables | {"JOBS_TABLE": ""}})
        assert issuer.get("/api/v2/jobs").status_code == 500
        told = operator.run("API errors")
        assert any("APIHandler" in line and "JOBS_TABLE" in line for line in told.splitlines()), told
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    assert issuer.get("/api/v2/jobs").status_code == 200


def test_throttles(operator: Operator, own_stack: LocalStack, env: dict[str, str]) -> None:
    operator.run("Throttles", PARAMETERS="LogLevel=DEBUG")
    (stack,) = own_stack.client("cloudformation").describe_stacks(StackName=env["STACK_NAME"])["Stacks"]
    given = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    assert (given["LogLevel"], given["ChainId"]) == ("DEBUG", env["CHAIN_ID"])


def test_function_errors(operator: Operator, own_stack: LocalStack, env: dict[str, str], issuer: Client) -> None:
    issuer.await_job(issuer.issue(to=env["ISSUER_ACCOUNT"])["_id"])  # the function's logs have their form from then on
    sqs = own_stack.client("sqs")
    sqs.send_message(QueueUrl=env["CONFIRM_QUEUE_URL"], MessageBody="no message of ours")

    def its_line() -> str | None:
        printed = operator.shell("make errors").splitlines()
        return next((line for line in printed if "ConfirmJobs" in line and "poison message" in line), None)

    assert "ERROR poison message" in wait_for("the error in the log", its_line)
    assert "ERROR poison message" in operator.run("Function errors")
    sqs.purge_queue(QueueUrl=env["CONFIRM_QUEUE_URL"])  # it would come again, and be a dead letter in the end


def test_reconcile_not_running(operator: Operator, own_stack: LocalStack, env: dict[str, str]) -> None:
    events, functions = own_stack.client("events"), own_stack.client("lambda")
    (rule,) = (one["Name"] for one in events.list_rules()["Rules"] if one["Name"].startswith(f"{env['STACK_NAME']}-Reconcile"))
    events.disable_rule(Name=rule)
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mappings[0]["UUID"], Enabled=False)
    operator.run("Reconcile not running")
    assert events.describe_rule(Name=rule)["State"] == "ENABLED"
    assert {one["State"] for one in functions.list_event_source_mappings()["EventSourceMappings"]} == {"Enabled"}


def test_rotate_the_jwt_secret(operator: Operator, own_stack: LocalStack, env: dict[str, str], issuer: Client) -> None:
    token = operator.run("Rotate the JWT secret", ACCOUNT=env["ISSUER_ACCOUNT"]).splitlines()[-1]
    renewed = Client(env, token)
    assert renewed.get("/api/v2/jobs").status_code == 200
    assert issuer.get("/api/v2/jobs").status_code == 200
    operator.run("Rotate the JWT secret")
    name, variables = api_function(own_stack)
    afresh = variables | {"READ": "the secret again, as every function does within five minutes"}
    own_stack.client("lambda").update_function_configuration(FunctionName=name, Environment={"Variables": afresh})
    assert renewed.get("/api/v2/jobs").status_code == 200
    assert issuer.get("/api/v2/jobs").status_code == 401


def test_rotate_a_signing_key(
    operator: Operator, own_stack: LocalStack, node: Callable[..., Any], env: dict[str, str], issuer: Client
) -> None:
    role = f"pool-{secrets.token_hex(3)}"
    old = operator.shell("make account", ROLE=role).splitlines()[-1]
    fund(own_stack, [old], COIN)
    pool = Client(env, operator.shell("make token", ACCOUNT=env["ISSUER_ACCOUNT"], ROLE=role).splitlines()[-1])
    node("evm_setIntervalMining", 0)
    open_job = pool.issue(to=old)
    assert open_job["accountAddress"] == old
    pool.await_job(open_job["_id"], {"started"})
    looked_after(env, open_job["_id"])
    new = operator.run("Rotate a signing key", ROLE=role, ACCOUNT=old).splitlines()[-1]
    node("anvil_setBalance", new, hex(COIN))
    assert open_job["_id"] in operator.run("Rotate a signing key", ACCOUNT=old)
    node("evm_setIntervalMining", 1)
    next_job = pool.issue(to=old)
    assert next_job["accountAddress"] == new
    assert pool.await_job(open_job["_id"])["status"] == "succeeded"
    assert pool.await_job(next_job["_id"])["status"] == "succeeded"
    assert paused(env, old) == "its key is being replaced"


def test_restore_a_table(operator: Operator, own_stack: LocalStack, env: dict[str, str], issuer: Client, sink: Any) -> None:
    """Four jobs as of a moment, and what has become of them since is lost: none of it happens again."""
    account = env["ISSUER_ACCOUNT"]
    ids = {name: hit(sink) for name in ("pending", "done", "never", "after")}
    done = issuer.issue(**ids["done"][1])["_id"]
    issuer.await_job(done)
    operator.shell("make pause", ACCOUNT=account, REASON="so that it is pending")
    pending = issuer.issue(**ids["pending"][1])["_id"]
    at = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    operator.shell("make restore", AT=at)  # the emulator restores what there is: so the moment is now
    operator.shell("make unpause", ACCOUNT=account)
    issuer.await_job(pending)
    after = issuer.issue(**ids["after"][1], correlationId="after")["_id"]
    issuer.await_job(after)
    for job_id in (pending, done, after):
        own_stack.client("dynamodb").delete_item(TableName=env["JOBS_TABLE"], Key={"jobId": {"S": job_id}})

    assert "2 put back" in operator.run("Restore a table", AT=at)
    assert (paused(env, account) or "").startswith("restored, not checked against the chain")
    told = operator.run("Restore a table")
    assert issuer.job(pending)["status"] == "pending"
    assert f"job {pending} (pending) has happened" in told
    assert "no job tells of nonce" in told
    assert issuer.issue(**ids["after"][1], correlationId="after")["_id"] == after

    operator.run("Restore a table")
    for job_id in (pending, done, after):
        assert issuer.await_job(job_id)["status"] == "succeeded"

    def goes_on() -> bool | None:
        operator.shell("make restore-check RUN=1 || true")
        return paused(env, account) is None or None

    wait_for("the account to go on", goes_on)
    never = issuer.issue(**ids["never"][1])["_id"]
    assert issuer.await_job(never)["status"] == "succeeded"
    assert [sink.functions.hits(id_).call() for id_, _ in ids.values()] == [1, 1, 1, 1]


def test_roll_back(operator: Operator, own_stack: LocalStack, issuer: Client, tmp_path: Path) -> None:
    good = package(LOCAL_STAGE, silent)
    template = json.loads(good.template.read_text())
    template["Resources"]["APIHandler"]["Properties"]["Handler"] = "app.no_such_name"
    (tmp_path / "sam.json").write_text(json.dumps(template))
    deploy(Package(LOCAL_STAGE, tmp_path / "sam.json", good.archive), own_stack.client, silent)
    assert issuer.get("/api/v2/jobs").status_code >= 500
    assert "Modify   APIHandler" in operator.run("Roll back")
    assert issuer.get("/api/v2/jobs").status_code == 200


def test_every_block_of_the_runbook_was_run(operator: Operator) -> None:
    assert operator.ran == {heading: len(blocks) for heading, blocks in headings().items()}

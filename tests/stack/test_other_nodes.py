"""The core of the stack's tests once more, on each of two other node programs: Hardhat's node, and Ganache without base fees.

The tests that are imported here are those that run on anvil. This module's fixtures give them a stack on another node. Where a
node program answers otherwise, `node_programs.Answers` has it with the reason, and the tests at the end hold it.

These tests of the core use methods that only anvil has, and run on it alone: a transaction that the pool dropped, a nonce that
another program used (test_trouble.py), and reorgs (test_recovery.py).
"""

from collections.abc import Iterator

import pytest
from web3 import Web3
from web3.contract import Contract

from chalicelib.networks import FUSE
from stack import rpc
from stack.machine.anvil import BLOCK_SECONDS
from stack.machine.local import LocalStack, Options
from tests.stack.burst import happen_exactly_once
from tests.stack.client import PATIENCE_SECONDS, Client, chain_of
from tests.stack.community import Day, play
from tests.stack.issuers import new_address, new_issuer
from tests.stack.node_control import NodeControl, restored
from tests.stack.node_programs import Ganache, Hardhat, NodeProgram, install_node_programs
from tests.stack.sink import deployed_sink
from tests.stack.test_community_day import (  # noqa: F401 -- collected here, too
    test_each_job_is_one_transaction_and_no_nonce_is_missing,
    test_every_balance_on_chain_is_the_sum_of_what_was_asked,
    test_the_fees_of_the_jobs_are_what_the_account_has_paid_to_the_last_wei,
    test_the_tokens_address_is_that_of_the_factorys_event_and_it_works,
    token,
)
from tests.stack.test_jobs import (  # noqa: F401 -- collected here, too
    test_a_job_happens_once_and_tells_what_it_cost,
    test_a_pending_job_is_cancelled_at_once_and_can_be_retried,
    test_a_revert_in_estimation_costs_no_nonce_and_says_why,
    test_approve_and_transfer_from_posted_together_both_succeed,
    test_what_failed_succeeds_on_retry_once_its_cause_is_gone,
)
from tests.stack.test_trouble import (  # noqa: F401 -- collected here, too
    test_a_revert_caused_by_an_earlier_transaction_of_its_block_fails_the_job_with_its_reason,
    test_a_started_job_is_cancelled_by_replacement_and_told_as_mined,
    test_a_transaction_that_is_not_mined_is_replaced_with_higher_fees,
    test_an_account_without_funds_waits_and_goes_on_when_funded,
)

PEOPLE = 4
JOBS = 100


@pytest.fixture(scope="module")
def _installed() -> None:
    install_node_programs()


@pytest.fixture(scope="module", params=[Hardhat(), Ganache()], ids=lambda program: program.name)
def program(request: pytest.FixtureRequest, _installed: None) -> NodeProgram:
    return request.param


@pytest.fixture(scope="module")
def stack(program: NodeProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """As `make up RPC_URL=… FUNDER_KEY=…` starts it on a node that runs already."""
    directory = tmp_path_factory.mktemp(program.name)
    with program.running(directory) as url:
        options = Options(
            rpc_url=url,
            funder_key=program.funder_key,
            fund_amount="100",
            parameters={"BlockSeconds": str(BLOCK_SECONDS)},
        )
        with LocalStack(directory / "stack", options) as running:
            for account in (running.env["ISSUER_ACCOUNT"], running.env["OTHER_ISSUER_ACCOUNT"]):
                program.control(url).welcome(account)
            yield running


@pytest.fixture(scope="module")
def env(stack: LocalStack) -> dict[str, str]:
    return stack.env


@pytest.fixture(scope="module")
def issuer(env: dict[str, str]) -> Client:
    return Client(env, env["ISSUER_TOKEN"])


@pytest.fixture(scope="module")
def other(env: dict[str, str]) -> Client:
    return Client(env, env["OTHER_ISSUER_TOKEN"])


@pytest.fixture(scope="module")
def admin(env: dict[str, str]) -> Client:
    return Client(env, env["ADMIN_TOKEN"])


@pytest.fixture(scope="module")
def chain(env: dict[str, str]) -> Web3:
    return chain_of(env)


@pytest.fixture(scope="module")
def sink(issuer: Client, chain: Web3) -> Contract:
    return deployed_sink(issuer, chain)


@pytest.fixture(scope="module")
def day(stack: LocalStack, admin: Client, chain: Web3, program: NodeProgram) -> Day:
    issuer = new_issuer(stack, admin, "community-day")
    program.control(stack.env["RPC_URL"]).welcome(issuer.account)
    return play(issuer, chain, PEOPLE)


@pytest.fixture
def control(program: NodeProgram, env: dict[str, str]) -> Iterator[NodeControl]:
    with restored(program.control(env["RPC_URL"]), env) as found:
        yield found


def test_a_hundred_jobs_over_two_accounts_happen_exactly_once(
    sink: Contract, issuer: Client, other: Client, chain: Web3, env: dict[str, str]
) -> None:
    happen_exactly_once(JOBS, sink, {env["ISSUER_ACCOUNT"]: issuer, env["OTHER_ISSUER_ACCOUNT"]: other}, chain)


def test_a_gas_limit_below_what_the_call_needs_fails_before_anything_is_signed(sink: Contract, issuer: Client) -> None:
    body = {"to": sink.address, "call": {"function": "hit(bytes32)", "args": ["0x" + "0a" * 32]}}
    for gas in ("21100", "30000"):  # below what the transaction itself takes, and what the contract takes
        job = issuer.await_job(issuer.issue(**body, gas=gas)["_id"])
        assert (job["status"], job["failCode"], job["attempts"]) == ("failed", "EstimateReverted", [])


# --- where the programs differ -------------------------------------------------------------------------------------------


def test_transactions_are_of_the_type_that_the_chain_takes_and_keep_to_the_networks_floors(
    program: NodeProgram, sink: Contract, issuer: Client, chain: Web3
) -> None:
    body = {"to": sink.address, "call": {"function": "hit(bytes32)", "args": ["0x" + "0b" * 32]}}
    job = issuer.await_job(issuer.issue(**body)["_id"])
    sent = job["attempts"][-1]["transactions"][-1]
    least = FUSE.min_base_fee + FUSE.min_priority_fee
    assert ("baseFeePerGas" in chain.eth.get_block("latest")) is program.answers.has_base_fees
    if program.answers.has_base_fees:
        assert int(sent["maxFeePerGas"]) >= least
        assert int(sent["maxPriorityFeePerGas"]) >= FUSE.min_priority_fee
        assert chain.eth.get_transaction(job["data"]["txHash"])["type"] == 2
    else:
        assert chain.eth.gas_price < least  # what the node itself asks for
        assert int(sent["gasPrice"]) == least
        assert "maxFeePerGas" not in sent
        assert chain.eth.get_transaction(job["data"]["txHash"])["type"] == 0


def test_a_revert_that_only_a_gas_price_causes_is_told_as_far_as_the_program_simulates_it(
    program: NodeProgram, sink: Contract, issuer: Client
) -> None:
    """On anvil it is mined, and told with its reason: see test_jobs.py."""
    call = {"function": "revertWhenMined(bytes32)", "args": ["0x" + "0c" * 32]}
    job = issuer.await_job(issuer.issue(to=sink.address, call=call, gas="200000")["_id"])
    code, reason = program.answers.told_of_a_revert_at_a_price
    assert (job["status"], job["failCode"]) == ("failed", code)
    assert reason in job["failReason"]
    assert len(job["attempts"]) == (1 if code == "TransactionReverted" else 0)


def test_what_waits_in_the_pool_is_in_the_pending_block_as_the_program_says(
    program: NodeProgram, sink: Contract, control: NodeControl, chain: Web3
) -> None:
    """Where it is not, a job that needs an earlier one is signed once that is mined; the jobs of this module succeed so."""
    control.stop_mining()
    hash_ = control.send_ahead(sink.address, sink.encode_abi("hit", ["0x" + "0d" * 32]))
    sender = chain.eth.get_transaction(hash_)["from"]  # type: ignore[arg-type]
    waiting = chain.eth.get_transaction_count(sender, "pending") - chain.eth.get_transaction_count(sender)
    control.mine_again()
    assert waiting == (1 if program.answers.counts_pending else 0)
    chain.eth.wait_for_transaction_receipt(hash_, timeout=PATIENCE_SECONDS)  # type: ignore[arg-type]


def test_neither_program_simulates_transfers_together_and_they_are_estimated_one_by_one(
    issuer: Client, chain: Web3, env: dict[str, str]
) -> None:
    with pytest.raises(rpc.RpcRefused, match=r"not supported|does not exist"):
        rpc.call(env["RPC_URL"], "eth_simulateV1", {"blockStateCalls": []}, "latest")
    receivers = [new_address() for _ in range(3)]
    jobs = [issuer.issue(to=receiver, value="7")["_id"] for receiver in receivers]
    assert {issuer.await_job(job_id)["status"] for job_id in jobs} == {"succeeded"}
    assert [chain.eth.get_balance(receiver) for receiver in receivers] == [7] * 3

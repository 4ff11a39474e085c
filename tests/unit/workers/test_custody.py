"""Custody, where it is decided for good: whose contracts a shared account calls, looked at again before it signs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.jobs.issue import NewJob, issue_job, signing_account
from chalicelib.jobs.model import Account, Status, TransactionRequest
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.results import CREATE_WALLET
from chalicelib.workers.custody import KNOWN_AFTER_SECONDS, MOST_LOOKED_UP, PATIENCE
from tests.fakes.chain import ETHER, created_address
from tests.fakes.world import NETWORK, TARGET, World

POOL = "0x" + "D" * 40
TOKEN = "0x" + "E" * 40
WALLET = "0x" + "9" * 40
OPEN_TO_ALL = "0x" + "F" * 40
ME, OTHER = Principal("me", POOL, role="pool"), Principal("other", POOL, role="pool")
ADMIN = Principal("the operators", POOL, is_admin=True)


@pytest.fixture
def world() -> World:
    """A shared account, and a contract that has always been there."""
    world = World()
    world.accounts.put(Account(NETWORK.chain_id, POOL, key=f"secret:{POOL}", role="pool"))
    world.chain.fund(POOL, 100 * ETHER)
    world.chain.contracts[OPEN_TO_ALL] = 0
    world.chain.mine(100)
    return world


def issue(world: World, principal: Principal, to: str | None = OPEN_TO_ALL, data: str = "hit one", name: str = "job") -> str:
    """A job of the principal's on the shared account; `to` None deploys."""
    world.now += timedelta(milliseconds=1)
    account = signing_account(POOL, principal, "sim", NETWORK.chain_id, world.api_ports)
    new = NewJob(name, "sim", account, TransactionRequest(to, data=data.encode()))
    return issue_job(new, principal, world.api_ports, names_sender=True).job.job_id


def created(world: World, principal: Principal) -> str:
    """The address of a contract that a job of the principal's has created."""
    job_id = issue(world, principal, None, "hit deployed")
    world.run_until_settled()
    address = world.job(job_id).creation
    assert address is not None
    return address


def rewritten(world: World, job_id: str, to: str, data: str) -> str:
    """The job as if the API had let it pass: the worker alone decides."""
    return world.jobs.save(replace(world.job(job_id), request=TransactionRequest(to, data=data.encode()))).job_id


def fail_code(world: World, job_id: str) -> str | None:
    job = world.job(job_id)
    assert (job.status, job.attempts) == (Status.FAILED, ()), job
    return job.failure and job.failure.code


def waits_for_certainty(world: World, job_id: str) -> bool:
    job = world.job(job_id)
    return job.status is Status.PENDING and "whose job created" in (job.waits_because or "")


def test_a_contract_that_no_job_created_is_called(world: World) -> None:
    job_id = issue(world, ME)
    world.run_until_settled()
    assert (world.status(job_id), world.chain.hits("one")) == (Status.SUCCEEDED, 1)


def test_what_ones_own_job_created_is_called_at_once(world: World) -> None:
    job_id = issue(world, ME, created(world, ME))
    world.run(2)
    assert world.status(job_id) is not Status.PENDING
    world.run_until_settled()
    assert world.status(job_id) is Status.SUCCEEDED


def test_ones_own_contract_may_be_called_right_behind_its_deployment(world: World) -> None:
    issue(world, ME, None, "hit deployed")
    job_id = issue(world, ME, created_address(POOL, 0))
    world.run_until_settled()
    assert (world.status(job_id), world.chain.order_of_effects()) == (Status.SUCCEEDED, ["deployed", "one"])


@pytest.mark.parametrize("data", ["hit one", ""], ids=["a call", "a payment"])
def test_what_another_issuers_job_created_is_not_called(world: World, data: str) -> None:
    theirs = created(world, OTHER)
    job_id = rewritten(world, issue(world, ME), theirs, data)
    world.run_until_settled()
    assert fail_code(world, job_id) == "NotYourContract"


def test_an_address_that_was_guessed_before_another_created_it_is_not_called(world: World) -> None:
    guessed = issue(world, ME, created_address(POOL, 0))
    world.run(1)
    deployed = issue(world, OTHER, None, "hit deployed")
    world.run_until_settled()
    assert world.job(deployed).creation == created_address(POOL, 0)
    assert (fail_code(world, guessed), world.chain.hits("one")) == ("NotYourContract", 0)


def test_a_guess_in_the_same_round_as_the_deployment_is_not_called(world: World) -> None:
    world.pause(POOL, "an operator looks into it")
    issue(world, OTHER, None, "hit deployed")
    guessed = issue(world, ME, created_address(POOL, 0))
    world.pause(POOL, None)
    world.run_until_settled()
    assert (fail_code(world, guessed), world.chain.hits("deployed"), world.chain.hits("one")) == ("NotYourContract", 1, 0)


def test_a_contract_that_stands_and_is_in_no_row_yet_is_not_called(world: World) -> None:
    world.chain.lies.hides_receipts = True
    issue(world, OTHER, None, "hit deployed")
    world.run(2)
    guessed = issue(world, ME, created_address(POOL, 0))
    world.run(KNOWN_AFTER_SECONDS // NETWORK.block_seconds - 4)
    assert waits_for_certainty(world, guessed)
    world.chain.lies.hides_receipts = False
    world.run_until_settled()
    assert fail_code(world, guessed) == "NotYourContract"


def test_a_job_that_has_to_wait_holds_up_no_other_of_its_account(world: World) -> None:
    waiting, going = issue(world, ME, TOKEN), issue(world, OTHER)
    world.run_until(lambda: world.status(going) is Status.SUCCEEDED)
    assert waits_for_certainty(world, waiting)


def test_one_owners_many_contracts_do_not_hold_up_the_others_of_a_round(world: World) -> None:
    for number in range(60):
        world.chain.contracts[f"0x{number:040x}"] = 0
    world.pause(POOL, "an operator looks into it")
    many = [issue(world, ME, f"0x{number:040x}", "hit many") for number in range(60)]
    other = issue(world, OTHER)
    world.pause(POOL, None)
    world.calls.log.clear()
    world.run_until(lambda: world.status(other) is Status.STARTED)
    looked_up = world.calls.names().count("jobs.find_by_creation")
    assert looked_up <= MOST_LOOKED_UP + 1
    world.run_until_settled()
    assert {world.status(job_id) for job_id in many} == {Status.SUCCEEDED}


def test_a_new_contract_of_nobodys_is_called_once_it_is_certain_that_it_is(world: World) -> None:
    job_id = issue(world, ME, TOKEN)
    world.chain.contracts[TOKEN] = world.chain.blocks[-1].number
    world.run(KNOWN_AFTER_SECONDS // NETWORK.block_seconds - 2)
    assert waits_for_certainty(world, job_id)
    world.run_until_settled()
    assert (world.status(job_id), world.chain.hits("one")) == (Status.SUCCEEDED, 1)


def test_a_call_of_an_address_without_a_contract_fails_after_a_while(world: World) -> None:
    job_id = issue(world, ME, TARGET)
    world.run_until_settled()
    job = world.job(job_id)
    assert (job.status, job.failure and job.failure.code, job.attempts) == (Status.FAILED, "NoContract", ())
    assert job.failed_at is not None and job.failed_at - job.created_at >= PATIENCE


def test_a_contract_inside_a_wallets_call_counts(world: World) -> None:
    theirs = created(world, OTHER)
    job_id = rewritten(world, issue(world, ME), OPEN_TO_ALL, f"hit one;call {theirs}")
    world.run_until_settled()
    assert fail_code(world, job_id) == "NotYourContract"


# --- wallets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "data"),
    [(WALLET, "hit one"), (WALLET, ""), (OPEN_TO_ALL, f"hit one;call {WALLET}")],
    ids=["called", "paid", "called by another wallet"],
)
def test_a_wallet_that_no_job_created_is_called_by_nobody_however_old_it_is(world: World, to: str, data: str) -> None:
    """Somebody may have made it for the account before the job of an issuer does, which then succeeds with it."""
    world.chain.wallets[WALLET] = 0
    jobs = [issue(world, principal, to, data) for principal in (ME, OTHER)]
    world.run_until_settled()
    assert [fail_code(world, job_id) for job_id in jobs] == ["NotYourContract"] * 2
    assert world.chain.hits("one") == 0


def test_an_administrators_job_calls_a_wallet_that_no_job_created(world: World) -> None:
    world.chain.wallets[WALLET] = 0
    job_id = issue(world, ADMIN, WALLET)
    world.run_until_settled()
    assert world.status(job_id) is Status.SUCCEEDED


def test_ones_own_wallet_is_called_and_no_other_issuer_calls_it(world: World) -> None:
    job_id = issue(world, ME, data="make WalletCreated", name=CREATE_WALLET)
    world.run_until_settled()
    wallet = world.job(job_id).creation
    assert wallet is not None and wallet in world.chain.made_wallets()
    world.run(2 * KNOWN_AFTER_SECONDS)
    own, others = issue(world, ME, wallet), rewritten(world, issue(world, OTHER), wallet, "hit two")
    world.run_until_settled()
    assert (world.status(own), fail_code(world, others)) == (Status.SUCCEEDED, "NotYourContract")


def test_a_new_wallet_waits_for_the_job_that_has_created_it(world: World) -> None:
    world.chain.lies.hides_receipts = True
    issue(world, ME, data="make WalletCreated", name=CREATE_WALLET)
    world.run_until(lambda: bool(world.chain.made_wallets()))
    (wallet,) = world.chain.made_wallets()
    job_id = issue(world, ME, wallet)
    world.run(60)
    assert waits_for_certainty(world, job_id)
    world.chain.lies.hides_receipts = False
    world.run_until_settled()
    assert world.status(job_id) is Status.SUCCEEDED


# --- payments ----------------------------------------------------------------------------------------------------------


def test_a_payment_to_an_address_without_a_contract_waits_for_nothing(world: World) -> None:
    world.pause(POOL, "an operator looks into it")
    payments = [issue(world, ME, f"0x{number:040x}", "") for number in range(1, 21)]
    world.pause(POOL, None)
    world.calls.log.clear()
    world.run_until(lambda: world.status(payments[0]) is not Status.PENDING)
    assert {world.status(job_id) for job_id in payments} == {Status.STARTED}
    asked = [call.arguments[0] for call in world.calls.log if call.name == "chain.code_at"]
    assert len([addresses for addresses in asked if addresses]) == 1


def test_a_call_without_data_waits_for_certainty_like_any_other(world: World) -> None:
    world.chain.contracts[TOKEN] = world.chain.blocks[-1].number
    job_id = issue(world, ME, TOKEN, "")
    world.run(60)
    assert waits_for_certainty(world, job_id)
    world.run_until_settled()
    assert world.status(job_id) is Status.SUCCEEDED


@pytest.mark.parametrize(("to", "data"), [(TARGET, ""), (OPEN_TO_ALL, "hit one")], ids=["a payment", "a call"])
def test_what_no_node_tells_is_neither_signed_nor_failed(world: World, to: str, data: str) -> None:
    world.chain.lies.hides_code = True
    job_id = issue(world, ME, to, data)
    world.run(2 * PATIENCE.total_seconds())
    assert waits_for_certainty(world, job_id)
    world.chain.lies.hides_code = False
    world.run_until_settled()
    assert world.status(job_id) is Status.SUCCEEDED


# --- whom custody does not bind ----------------------------------------------------------------------------------------


def test_an_administrators_job_calls_anything(world: World) -> None:
    job_id = issue(world, ADMIN, created(world, OTHER))
    world.run_until_settled()
    assert world.status(job_id) is Status.SUCCEEDED


def test_an_account_that_belongs_to_somebody_is_not_bound(world: World) -> None:
    theirs = created(world, OTHER)
    job_id = rewritten(world, world.issue("hit one"), theirs, "hit one")
    world.run_until_settled()
    assert world.status(job_id) is Status.SUCCEEDED

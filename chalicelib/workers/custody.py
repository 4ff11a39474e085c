"""Decide right before a shared account signs which contracts it may call (custody).

The API has checked this already. But another issuer's job may create the contract while this job waits. And the address of a
contract can be known before it exists: it follows from the account's next nonce, or from a wallet's salt. So a shared account
calls a contract only if

1. a job of the same issuer created it, by the index of creations; or
2. no job created it, it has existed for KNOWN_AFTER_SECONDS, and it is not a wallet of the stage's factory.

Anybody may ask the factory for a wallet of the account, also for the wallet that another issuer's job is about to make. Then
that job succeeds with the existing wallet. So a wallet that is in no row may still become an issuer's wallet.

ConfirmJobs writes what a job creates into the index when it first sees the transaction mined: within seconds, and within two
minutes after a lost message. A contract that is older, and in no row, was created by no job.

A call to an address without code is never signed. The account's later nonces are mined after it, so no contract can be there in
time. A transaction without data to an address without code is a payment, which is safe. To an address with code it is a call.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil

from chalicelib.errors import NotYourContract
from chalicelib.jobs.custody import EachOnce, is_by_admin, require_own_contracts
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Account, Failure, Job
from chalicelib.jobs.ports import Code
from chalicelib.jobs.results import CREATE_TOKEN, CREATE_WALLET
from chalicelib.jobs.states import failed
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.storing import save_failed

KNOWN_AFTER_SECONDS = 180
MOST_BLOCKS = 100
"""Nodes keep the state of some 128 blocks."""
PATIENCE = timedelta(minutes=10)
"""How long a call waits for a contract that does not exist."""

MOST_LOOKED_UP = 50
"""Contracts of one owner in one round. Each look-up takes milliseconds, and the account's other owners wait for it."""

TOO_MANY = "the issuer's earlier transactions call many contracts, and each contract has to be looked up"
TOO_NEW = "it is not certain yet whose job created the contract {}: a shared account waits until it is some minutes old"


def in_custody(
    jobs: Sequence[Job], account: Account, changed: list[Job], ports: WorkerPorts
) -> tuple[list[Job], list[tuple[Job, str]]]:
    """Return the jobs that the account may sign, and the jobs that have to wait, each with the reason.

    The other jobs fail, or are added to `changed` if they were changed meanwhile. Raises ChainUnavailable.
    """
    if not account.is_shared:
        return list(jobs), []
    unknown: dict[str, frozenset[str]] = {}
    waiting: list[tuple[Job, str]] = []
    creations = EachOnce(ports.jobs)
    looked_up: defaultdict[str, set[str]] = defaultdict(set)
    for job in jobs:
        try:
            callees = _callees(job, ports)
            if len(looked_up[job.owner] | set(callees)) > MOST_LOOKED_UP:
                waiting.append((job, TOO_MANY))
                continue
            looked_up[job.owner] |= set(callees)
            unknown[job.job_id] = require_own_contracts(callees, job.owner, account, jobs=creations)
        except NotYourContract as error:
            _fail(job, FailCode.NOT_YOUR_CONTRACT, error.message, changed, ports)
    payees = frozenset().union(*(unknown[job.job_id] for job in jobs if job.job_id in unknown and not job.request.data))
    codeless = _those_of(Code.NONE, ports.chain.code_at(sorted(payees), 0))  # a payment to an address without code is safe
    for job in jobs:
        if job.job_id in unknown and not job.request.data:
            unknown[job.job_id] -= codeless
    stood = ports.chain.code_at(sorted(set().union(*unknown.values())), _known_after_blocks(ports))
    wallets, known = _those_of(Code.WALLET, stood), stood.keys() - _those_of(Code.NONE, stood)
    allowed: list[Job] = []
    for job in jobs:
        if job.job_id not in unknown:
            continue
        too_new = sorted(unknown[job.job_id] - known)
        if unowned := sorted(unknown[job.job_id] & wallets):
            problem = f"No job of yours created the wallet {unowned[0]}: the shared account {account.address} may not call it."
            _fail(job, FailCode.NOT_YOUR_CONTRACT, problem, changed, ports)
        elif not too_new:
            allowed.append(job)
        elif _waits_for_nothing(job, too_new, ports):
            problem = f"There is no contract at {too_new[0]}: a shared account calls contracts only."
            _fail(job, FailCode.NO_CONTRACT, problem, changed, ports)
        else:
            waiting.append((job, TOO_NEW.format(too_new[0])))
    return allowed, waiting


def _fail(job: Job, code: FailCode, reason: str, changed: list[Job], ports: WorkerPorts) -> None:
    save_failed(failed(job, Failure(code, reason), ports.clock()), changed, ports)


def _those_of(kind: Code, codes: Mapping[str, Code]) -> frozenset[str]:
    return frozenset(address for address, code in codes.items() if code is kind)


def _callees(job: Job, ports: WorkerPorts) -> Sequence[str]:
    """Return the contracts that have to be looked up. Raises NotYourContract for call data with too many calls."""
    if job.name in (CREATE_TOKEN, CREATE_WALLET) or is_by_admin(job):
        return ()  # it calls the stage's own factory, or an administrator issued it
    return ports.chain.callees(job.request)


def _known_after_blocks(ports: WorkerPorts) -> int:
    network = ports.network
    return max(network.confirmations, min(ceil(KNOWN_AFTER_SECONDS / network.block_seconds), MOST_BLOCKS))


def _waits_for_nothing(job: Job, addresses: Sequence[str], ports: WorkerPorts) -> bool:
    if ports.clock() < job.open_since + PATIENCE:
        return False
    return Code.NONE in ports.chain.code_at(addresses, 0).values()

"""Custody, where it is decided for good: right before a shared account signs.

The API has looked already. But a contract may become another issuer's while the job waits. And its address can be known before
it exists: it follows from the account's next nonce, or from a wallet's salt. So a shared account calls a contract only when

1. the caller's own job created it, by the index of creations; or
2. no job created it, it has been there for KNOWN_AFTER_SECONDS, and it is no wallet of the stage's factory.

Anybody may have the factory make a wallet for the account, also the one that a job of another issuer's is about to make: that
job then succeeds with the wallet that is there. So a wallet that is in no row may yet become somebody's.

ConfirmJobs writes what a job creates into the index when it first sees the transaction mined: within seconds, and within two
minutes after a lost message. A contract that has been there for longer, and in no row, was created by no job. A call is never
signed for an address without code: the account's later nonces are mined after it, so nothing can stand there in time. Without
data it is a payment, which takes nothing from anybody; at an address with code it is a call like any other.
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
"""How long a call waits for a contract that is not there at all."""

MOST_LOOKED_UP = 50
"""Contracts of one owner in one round. Each look-up takes milliseconds, which the account's other owners wait for."""

TOO_MANY = "the account's transactions that come first call many contracts, and each has to be looked up"
TOO_NEW = "it is not certain yet whose contract {} is: a shared account waits until it has been there for some minutes"


def in_custody(
    jobs: Sequence[Job], account: Account, changed: list[Job], ports: WorkerPorts
) -> tuple[list[Job], list[tuple[Job, str]]]:
    """(jobs that the account may sign, jobs that have to wait, each with the reason). The others have failed, or, where
    somebody else has changed them meanwhile, are added to `changed`. Raises ChainUnavailable.
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
    codeless = _those_of(Code.NONE, ports.chain.code_at(sorted(payees), 0))  # a payment takes nothing from them
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
        if nobodys := sorted(unknown[job.job_id] & wallets):
            problem = f"No job of yours created the wallet {nobodys[0]}: the shared account {account.address} may not call it."
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
    """The contracts that have to be looked up. Raises NotYourContract for call data that describes too many calls."""
    if job.name in (CREATE_TOKEN, CREATE_WALLET) or is_by_admin(job):
        return ()  # it calls the stage's own factory; or custody does not bind it
    return ports.chain.callees(job.request)


def _known_after_blocks(ports: WorkerPorts) -> int:
    network = ports.network
    return max(network.confirmations, min(ceil(KNOWN_AFTER_SECONDS / network.block_seconds), MOST_BLOCKS))


def _waits_for_nothing(job: Job, addresses: Sequence[str], ports: WorkerPorts) -> bool:
    if ports.clock() < job.open_since + PATIENCE:
        return False
    return Code.NONE in ports.chain.code_at(addresses, 0).values()

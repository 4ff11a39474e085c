"""What the workers are given: every port of the domain, once."""

from dataclasses import dataclass

from chalicelib.jobs.ports import AccountStore, Chain, Clock, JobStore, Queue, Signers
from chalicelib.networks import Network


@dataclass(frozen=True, slots=True)
class WorkerPorts:
    jobs: JobStore
    accounts: AccountStore
    queue: Queue
    chain: Chain
    signers: Signers
    network: Network
    clock: Clock

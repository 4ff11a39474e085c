"""What the workers are given: every port of the domain. `chalicelib.wiring` has them, each built when it is first asked for."""

from typing import Protocol

from chalicelib.jobs.ports import AccountStore, Chain, Clock, JobStore, Queue, Signers
from chalicelib.networks import Network


class WorkerPorts(Protocol):
    @property
    def jobs(self) -> JobStore: ...

    @property
    def accounts(self) -> AccountStore: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def chain(self) -> Chain: ...

    @property
    def signers(self) -> Signers: ...

    @property
    def network(self) -> Network: ...

    @property
    def clock(self) -> Clock: ...

"""The ports of the workers: everything that a worker reads from, writes to or asks.

`chalicelib.wiring` builds each port when it is first asked for.
"""

from typing import Protocol

from chalicelib.bounds import Bounds
from chalicelib.jobs.bursts import Bursts
from chalicelib.jobs.pace import Paces
from chalicelib.jobs.ports import Chain, Clock, Queue, Signers
from chalicelib.jobs.stores import AccountStore, CheckpointStore, JobStore
from chalicelib.metrics import Metrics
from chalicelib.networks import Network


class WorkerPorts(Protocol):
    @property
    def jobs(self) -> JobStore: ...

    @property
    def accounts(self) -> AccountStore: ...

    @property
    def checkpoints(self) -> CheckpointStore: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def chain(self) -> Chain: ...

    @property
    def signers(self) -> Signers: ...

    @property
    def network(self) -> Network: ...

    @property
    def bursts(self) -> Bursts: ...

    @property
    def paces(self) -> Paces: ...

    @property
    def bounds(self) -> Bounds: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def metrics(self) -> Metrics: ...

    def flush_metrics(self) -> None:
        """Write what was measured. Raises nothing."""

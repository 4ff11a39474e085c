"""The ports of the use cases that serve API requests: issue, retry, cancel and fetch."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from chalicelib.jobs.admission import Admission
from chalicelib.jobs.model import TransactionRequest
from chalicelib.jobs.ports import Clock, Queue
from chalicelib.jobs.stores import AccountStore, JobStore


class ApiPorts(Protocol):
    """One stage's adapters. Each is built when it is first asked for."""

    @property
    def jobs(self) -> JobStore: ...

    @property
    def accounts(self) -> AccountStore: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def admission(self) -> Admission: ...

    def mined_counts(self, addresses: Sequence[str]) -> Mapping[str, int]:
        """Return the number of mined transactions of each address. Raises ChainUnavailable."""

    def callees(self, request: TransactionRequest) -> Sequence[str]:
        """Return the checksummed addresses of the contracts that a transaction calls: `to`, and those that wallets call."""

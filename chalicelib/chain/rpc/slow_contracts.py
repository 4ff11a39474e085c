"""Which requests run a contract's code, and which contracts were slow: an issuer's contract may run for seconds."""

from typing import Any

from chalicelib.chain.rpc.answers import Request

RUNS_CODE = frozenset({"eth_estimateGas", "eth_call", "eth_simulateV1"})
"""A contract can make the answers to these slow or large. An endpoint that is slow to answer any other method is down."""
REMEMBERED = 200


def runs_code(request: Request) -> bool:
    return request[0] in RUNS_CODE


class SlowContracts:
    """Remembers, for as long as the process lives, the contracts that the last slow requests ran."""

    def __init__(self) -> None:
        self._known: dict[Any, None] = {}
        """The ones remembered first come first."""

    def is_slow(self, request: Request) -> bool:
        return bool(self._known) and contract_of(request) in self._known

    def remember(self, request: Request) -> None:
        self._known[contract_of(request)] = None
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

    def forget(self, request: Request) -> None:
        self._known.pop(contract_of(request), None)


def contract_of(request: Request) -> Any:
    """Return the method and the contract that the request runs; for a deployment, a hash of the code in place of the contract.

    None for a request that runs no code.
    """
    method, params = request
    if method not in RUNS_CODE or not params or not isinstance(params[0], dict):
        return None
    return method, params[0].get("to") or hash(params[0].get("data"))

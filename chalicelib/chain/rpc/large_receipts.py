"""Which receipts are too large to be read with all their logs: a contract may write tens of thousands of logs.

They are read without their logs, after everything else. Each call reads one of them; they take turns.
"""

import logging
from collections.abc import Iterable, Sequence

from chalicelib.chain.rpc.answers import BoundExceeded, Request

log = logging.getLogger(__name__)

RECEIPT = "eth_getTransactionReceipt"
REMEMBERED = 200


class LargeReceipts:
    """Remembers their transaction hashes, for as long as the process lives."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}
        """By hash; the one read longest ago comes first. True once it was logged that the receipt cannot be read."""

    def known_among(self, requests: Sequence[Request]) -> list[int]:
        """Return the indexes of the requests for receipts that are known to be large."""
        if not self._known:
            return []
        return [index for index, request in enumerate(requests) if request[0] == RECEIPT and _hash(request) in self._known]

    def remember(self, request: Request) -> bool:
        """Remember that the receipt which this request asks for is large. Return False for any other request."""
        if request[0] != RECEIPT:
            return False
        self._known.setdefault(_hash(request), False)
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return True

    def next_to_read(self, requests: Sequence[Request], indexes: Iterable[int]) -> int:
        """Return the index of the receipt whose turn it is. Its next turn comes after all others."""
        by_hash = {_hash(requests[index]): index for index in indexes}
        hash_ = next((known for known in self._known if known in by_hash), next(iter(by_hash)))
        self._known[hash_] = self._known.pop(hash_, False)
        return by_hash[hash_]

    def log_unreadable(self, request: Request, exceeded: BoundExceeded) -> None:
        """Log that the receipt is too slow or too large even without its logs: once, however often its job is polled."""
        if not self._known.get(_hash(request)):
            self._known[_hash(request)] = True
            log.error("a receipt is too large to be read", extra={"transactionHash": _hash(request), "reason": exceeded.reason})


def _hash(request: Request) -> str:
    return str(request[1][0])

"""Which receipts were too large to be read with all their logs: a contract may write tens of thousands of them.

They are read without their logs, after everything else. One of them is read at a time, each in its turn.
"""

import logging
from collections.abc import Iterable, Sequence

from chalicelib.chain.rpc.exchanges import Cut, Request

log = logging.getLogger(__name__)

RECEIPT = "eth_getTransactionReceipt"
REMEMBERED = 200


class LargeReceipts:
    """Remembers their hashes for as long as the process lives."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}
        """Those tried least recently come first. True where it was logged that the receipt cannot be read."""

    def among(self, calls: Sequence[Request]) -> list[int]:
        """Return which of these requests ask for one."""
        if not self._known:
            return []
        return [index for index, call in enumerate(calls) if call[0] == RECEIPT and _hash(call) in self._known]

    def note(self, call: Request) -> bool:
        """Return whether it asks for a receipt, which is then known to be large."""
        if call[0] != RECEIPT:
            return False
        self._known.setdefault(_hash(call), False)
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return True

    def next_of(self, calls: Sequence[Request], indexes: Iterable[int]) -> int:
        """Return the one whose turn it is, and put it behind all others."""
        by_hash = {_hash(calls[index]): index for index in indexes}
        hash_ = next((known for known in self._known if known in by_hash), next(iter(by_hash)))
        self._known[hash_] = self._known.pop(hash_, False)
        return by_hash[hash_]

    def unread(self, call: Request, cut: Cut) -> None:
        """Log that it is too slow or too large even without its logs: once, however often its job is polled."""
        if not self._known.get(_hash(call)):
            self._known[_hash(call)] = True
            log.error("a receipt is too large to be read", extra={"transactionHash": _hash(call), "reason": cut.sentence})


def _hash(call: Request) -> str:
    return str(call[1][0])

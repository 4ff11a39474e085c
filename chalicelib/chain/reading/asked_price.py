"""The price that a node asks for when it refuses a transaction as underpriced: read from its text, remembered for a while."""

import re
import time
from collections.abc import Callable

from chalicelib.jobs.model import Fees
from chalicelib.jobs.ports import Broadcast, BroadcastStatus
from chalicelib.jobs.pricing import at_least

REMEMBERED_SECONDS = 600
"""A node's operator may lower the price again. After this time, new transactions offer the market's price."""

_TIP = tuple(
    re.compile(pattern)
    for pattern in (
        r"minimum needed:? (\d{1,30})",  # geth: "gas tip cap 1000000000, minimum needed 2500000000"
        r"tip needed:? (\d{1,30})",  # older geth: "tip needed 2500000000, tip permitted 1000000000"
        r"minimum required priority fee:? (\d{1,30})",  # Reth
        r"priorityfeepergas too low \d{1,30} < (\d{1,30})",  # Nethermind
    )
)
_FEE = tuple(
    re.compile(pattern)
    for pattern in (
        r"below the minimum of (\d{1,30})",  # Hardhat
        r"minimal: (\d{1,30})",  # OpenEthereum: "(minimal: 11000000000, got: 1)"
    )
)
_BASE_FEE = re.compile(r"base ?fee(?:pergas)?(?: of|:) ?(\d{1,30})")  # Hardhat, geth, Nethermind


def asked_price(message: str) -> tuple[int | None, int | None]:
    """Return the lowest fee and the lowest priority fee that a refusal names, in wei per gas; None where it names none.

    Example: "transaction underpriced: gas tip cap 1000000000, minimum needed 2500000000" gives (None, 2500000000).
    """
    text = message.lower()
    tip, fee = _first(_TIP, text), _first(_FEE, text)
    base_fee = _first((_BASE_FEE,), text)
    if base_fee is not None:
        fee = max(fee or 0, base_fee + (tip or 0))
    return fee, tip


class AskedPrices:
    """Remembers, in one process, the priority fee that nodes asked for. The next transactions offer it from the start."""

    def __init__(self, cap: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`cap` is the network's highest fee, in wei per gas."""

        self._cap = cap
        self._monotonic = monotonic
        self._tip = 0
        self._until = float("-inf")

    def note(self, answer: Broadcast) -> None:
        """Remember the priority fee that a refusal asks for. The base fee is not remembered: each newest block has it."""
        if answer.status is BroadcastStatus.UNDERPRICED and answer.minimum_tip is not None:
            self._tip = max(answer.minimum_tip, self._remembered())
            self._until = self._monotonic() + REMEMBERED_SECONDS

    def raised(self, fees: Fees) -> Fees:
        """Return the fees, raised to what was asked for, up to the network's cap."""
        asked = at_least(fees, None, self._remembered())
        max_fee = min(asked.max_fee_per_gas, max(self._cap, fees.max_fee_per_gas))
        tip = asked.max_priority_fee_per_gas
        return Fees(max_fee, None if tip is None else min(tip, max_fee))

    def _remembered(self) -> int:
        return self._tip if self._monotonic() < self._until else 0


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> int | None:
    found = next((found for pattern in patterns if (found := pattern.search(text))), None)
    return int(found[1]) if found else None

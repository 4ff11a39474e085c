"""Reads the ERC-20 Transfer events among a receipt's logs.

Many receipts have some and few jobs need them. So this takes neither eth_abi nor checksums, which cost time.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.jobs.receipts import TokenTransfer

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""The hash of Transfer(address,address,uint256)."""

_WORDS = re.compile(r"0x((?:[0-9a-f]{64})*)", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-f]{40}", re.ASCII)


def transfers_of(logs: Any) -> tuple[TokenTransfer, ...] | None:
    """Return the transfers in the order of their logs; None where `logs` is not a list. Never raises.

    Addresses are in lower case, amounts in the token's smallest units. ERC-20 puts the two addresses into topics. Some
    contracts put more or fewer of the three values there, and mean the same.
    """
    if not isinstance(logs, Sequence) or isinstance(logs, str):
        return None
    return tuple(transfer for log in logs if (transfer := _transfer_of(log)) is not None)


def _transfer_of(log: Any) -> TokenTransfer | None:
    topics = log.get("topics") if isinstance(log, Mapping) else None
    if not isinstance(topics, Sequence) or not topics or str(topics[0]).lower() != TRANSFER:
        return None
    token = str(log.get("address")).lower()
    indexed = "".join(str(topic).lower().removeprefix("0x") for topic in topics[1:])
    words = _WORDS.fullmatch(f"0x{indexed}{str(log.get('data')).lower().removeprefix('0x')}")
    if words is None or len(words[1]) != 3 * 64 or not _ADDRESS.fullmatch(token):
        return None
    sender, receiver, amount = words[1][:64], words[1][64:128], words[1][128:]
    return TokenTransfer(token, f"0x{sender[24:]}", f"0x{receiver[24:]}", int(amount, 16))

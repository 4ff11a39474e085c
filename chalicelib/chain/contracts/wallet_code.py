"""Recognizes the service's wallets by their code: each is a clone of the implementation that the wallet factory names.

Only the factory can make a clone that has an owner. The code of a clone never changes.
"""

import re

from chalicelib.chain.rpc.answers import Answer, Request
from chalicelib.chain.rpc.classify import classify_estimate, message_of
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import Revert

IMPLEMENTATION = "3a4741bd"
"""The selector of IMPLEMENTATION(): the first four bytes of its hash, which a test computes."""
CALL_GAS = 2_000_000
"""Bounds how long a contract may compute. Memory costs gas, so it also bounds what the contract returns, to about 1 MB."""

# EIP-1167, as OpenZeppelin's Clones deploys it: it delegates every call to the address in the middle.
_CLONE_HEAD = bytes.fromhex("363d3d373d3d3d363d73")
_CLONE_TAIL = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")
_CLONE_LENGTH = len(_CLONE_HEAD) + 20 + len(_CLONE_TAIL)

_HEX = re.compile(r"0x((?:[0-9a-fA-F]{2})*)", re.ASCII)


class WalletCode:
    """The code of every wallet of one factory. It is read once. Without a factory there are no wallets."""

    def __init__(self, factory: str | None) -> None:
        self._factory = factory
        self._code: bytes | None = None

    @property
    def requests(self) -> list[Request]:
        """The requests that are still needed to know the code: one, or none. `learn` takes what it returns."""
        if self._factory is None or self._code is not None:
            return []
        call = {"to": self._factory, "data": f"0x{IMPLEMENTATION}", "gas": hex(CALL_GAS)}
        return [("eth_call", [call, "latest"])]

    def learn(self, returned: bytes) -> None:
        """Take what the factory returned. A factory that is not deployed yet returns nothing, and is asked again."""
        if (implementation := first_word(returned)) is not None:
            self._code = _CLONE_HEAD + implementation[12:] + _CLONE_TAIL

    def is_of(self, code: bytes) -> bool:
        """Return whether a contract with this code is one of the factory's wallets. False before the code is known."""
        return self._code is not None and code == self._code


def is_clone(code: bytes) -> bool:
    """Return whether this is the code of a clone, of any implementation."""
    return len(code) == _CLONE_LENGTH and code.startswith(_CLONE_HEAD) and code.endswith(_CLONE_TAIL)


# --- answers -----------------------------------------------------------------------------------------------------------


def bytes_of(result: object) -> bytes | None:
    """Return the bytes of an answer in hex; None where it is not hex."""
    matched = _HEX.fullmatch(result) if isinstance(result, str) else None
    return None if matched is None else bytes.fromhex(matched[1])


def returned_by(answer: Answer) -> bytes:
    """Return what a call returned, or the code of an address; empty when the call reverts.

    Raises ChainUnavailable when the node did not answer.
    """
    if answer.error is not None:
        if isinstance(classify_estimate(answer.error, CALL_GAS), Revert):
            return b""
        raise ChainUnavailable(f"The chain's node did not answer a read: {message_of(answer.error)}.")
    content = bytes_of(answer.result)
    if content is None:
        raise ChainUnavailable("The chain's node gave an answer that cannot be read.")
    return content


def first_word(content: bytes) -> bytes | None:
    """Return the first 32 bytes, which hold a number or an address. None where there are fewer."""
    return content[:32] if len(content) >= 32 else None

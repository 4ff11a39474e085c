"""Reads what contracts tell, over JSON-RPC: `chalicelib.admin.ports.Contracts`.

Where a node does not answer, or is behind, nothing is known: ChainUnavailable. Where a contract reverts, or returns what its
function cannot return, the contract does not have that function. Anybody may have written the contract, so what it returns is
bounded and cleaned.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.admin.ports import Token
from chalicelib.chain.addresses import checksummed
from chalicelib.chain.contracts.wallet_code import CALL_GAS, IMPLEMENTATION, WalletCode, first_word, returned_by
from chalicelib.chain.reading.estimates import call_fields
from chalicelib.chain.rpc.classify import message_of
from chalicelib.chain.rpc.client import Answer, Request, RpcClient
from chalicelib.chain.rpc.quantities import quantity
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import Call

# The first four bytes of the hash of each signature; a test computes them.
SELECTORS = {
    "decimals()": "313ce567",
    "totalSupply()": "18160ddd",
    "name()": "06fdde03",
    "symbol()": "95d89b41",
    "owner()": "8da5cb5b",
    "tokenURI()": "3c130d90",
    "balanceOf(address)": "70a08231",
    "IMPLEMENTATION()": IMPLEMENTATION,
    "supportsInterface(bytes4)": "01ffc9a7",
}
FUNCTIONS = {"mint": "40c10f19", "burn": "42966c68", "transfer": "a9059cbb"}
"""The selectors of mint(address,uint256), burn(uint256) and transfer(address,uint256), which jobs call."""
ERC_721 = "80ac58cd"
"""The interface id of an ERC-721 (ERC-165)."""
MOST_DECIMALS = 77
"""10^77 is the largest power of ten below 2^256: with more decimals there could be no whole token."""
LONGEST_NAME = 256
LONGEST_SYMBOL = 64
LONGEST_URI = 2_048
ZERO_ADDRESS = "0x" + "0" * 40

_LINE_BREAKS = re.compile("\\s*[\t\n\v\f\r\x85\u2028\u2029]\\s*")


class ContractReader:
    """Each method reads the newest block of one node, in one HTTP request. All addresses are checksummed."""

    def __init__(self, rpc: RpcClient, wallet_factory: str | None = None) -> None:
        self._rpc = rpc
        self._wallet_factory = wallet_factory
        self._wallet_code = WalletCode(wallet_factory)

    def token(self, address: str, holders: Sequence[str] = ()) -> Token | None:
        """Return the ERC-20 at this address, with the balances of `holders`.

        None where there is no ERC-20: no code, code that does not answer totalSupply and balanceOf, or an ERC-721. `decimals`
        is optional (EIP-20), as name and symbol are.
        """
        asked = list(dict.fromkeys(holders)) or [address]
        answers = self._read(
            ("eth_getCode", [address, "latest"]),
            *(_call(address, f"{name}()") for name in ("decimals", "totalSupply", "name", "symbol", "owner", "tokenURI")),
            *(_call(address, "balanceOf(address)", holder) for holder in asked),
        )
        code, decimals, supply, name, symbol, owner, uri = (returned_by(next(answers)) for _ in range(7))
        balances = [_number(returned_by(answer)) for answer in answers]
        places, total = _number(decimals), _number(supply)
        if not code or total is None or None in balances or (places or 0) > MOST_DECIMALS:
            return None
        if places is None and self._is_erc_721(address):
            return None
        return Token(
            address=address,
            decimals=places,
            total_supply=total,
            name=_text(name, LONGEST_NAME),
            symbol=_text(symbol, LONGEST_SYMBOL),
            owner=_address(owner),
            uri=_uri(uri),
            balances={
                holder: balance for holder, balance in zip(asked, balances, strict=True) if balance is not None and holders
            },
            lacks=frozenset(name for name, selector in FUNCTIONS.items() if surely_lacks(code, bytes.fromhex(selector))),
        )

    def _is_erc_721(self, address: str) -> bool:
        """Return whether the contract is an ERC-721. Some have totalSupply and balanceOf as an ERC-20 has."""
        (answer,) = self._read(_interface_call(address, ERC_721))
        return _number(returned_by(answer)) == 1

    def owners(self, addresses: Sequence[str]) -> dict[str, str | None]:
        """Return what `owner()` of each contract returns; None where it does not answer."""
        asked = list(dict.fromkeys(addresses))
        answers = self._read(*(_call(address, "owner()") for address in asked))
        return {address: _address(returned_by(answer)) for address, answer in zip(asked, answers, strict=True)}

    def wallet_owner(self, address: str) -> str | None:
        """Return the owner of the service's wallet at this address; None where there is no wallet that has an owner.

        A wallet is a clone of the implementation that the wallet factory names.
        """
        if self._wallet_factory is None:
            return None
        requests = [("eth_getCode", [address, "latest"]), _call(address, "owner()"), *self._wallet_code.requests]
        code, owner, *implementation = (returned_by(answer) for answer in self._read(*requests))
        for returned in implementation:
            self._wallet_code.learn(returned)
        if not self._wallet_code.is_of(code):
            return None
        found = _address(owner)
        return None if found == ZERO_ADDRESS else found

    def refuses(self, call: Call) -> bool:
        """Return whether the call, simulated at the newest block, returns false, or makes a wallet return a callee's false."""
        fields = {**call_fields(call), "gas": hex(CALL_GAS)}
        (answer,) = self._read(("eth_call", [fields, "latest"]))
        return _is_false(returned_by(answer))

    def transaction_counts(self, addresses: Sequence[str]) -> dict[str, int]:
        """Return the number of mined transactions of each address, up to the newest block."""
        asked = list(dict.fromkeys(addresses))
        answers = self._read(*(("eth_getTransactionCount", [address, "latest"]) for address in asked))
        return {address: quantity(_result(answer), "transaction count") for address, answer in zip(asked, answers, strict=True)}

    def _read(self, *requests: Request) -> Iterator[Answer]:
        return iter(self._rpc.read_together(requests) if requests else [])


def _call(contract: str, function: str, holder: str = "") -> Request:
    """Return a request that calls `function`, a key of SELECTORS, with the address `holder` as its argument if there is one."""

    argument = holder.removeprefix("0x").lower().rjust(64, "0") if holder else ""
    data = f"0x{SELECTORS[function]}{argument}"
    return "eth_call", [{"to": contract, "data": data, "gas": hex(CALL_GAS)}, "latest"]


def _interface_call(contract: str, interface: str) -> Request:
    data = f"0x{SELECTORS['supportsInterface(bytes4)']}{interface.ljust(64, '0')}"
    return "eth_call", [{"to": contract, "data": data, "gas": hex(CALL_GAS)}, "latest"]


# --- answers -----------------------------------------------------------------------------------------------------------


def _result(answer: Answer) -> Any:
    if answer.error is not None:
        raise ChainUnavailable(f"The chain's node did not answer a read: {message_of(answer.error)}.")
    return answer.result


def _number(returned: bytes) -> int | None:
    """Decode a uint256; None where less than a word was returned."""

    word = first_word(returned)
    return None if word is None else int.from_bytes(word, "big")


def _address(returned: bytes) -> str | None:
    """Decode an address; None where something else was returned."""

    word = first_word(returned)
    if word is None or any(word[:12]):
        return None
    return checksummed(word[12:])


def _string(returned: bytes) -> bytes | None:
    """Return the bytes of a `string`; None where they are not there.

    The oldest tokens return a bytes32 instead: its bytes, without the zeros at its end.
    """
    if len(returned) == 32:
        return returned.rstrip(b"\0")
    start = _number(returned)
    length = None if start is None else _number(returned[start : start + 32])
    if start is None or length is None or start + 32 + length > len(returned):
        return None
    return returned[start + 32 : start + 32 + length]


def _text(returned: bytes, limit: int) -> str | None:
    """Return a text on one line, with at most `limit` characters; None when it is missing or empty.

    Only control characters are removed, which could break a line where the name is shown. Invisible characters that join or
    separate letters stay, because they belong to the spelling.
    """
    content = _string(returned)
    if content is None:
        return None
    shown = _LINE_BREAKS.sub(" ", content[: 4 * limit + 4].decode("utf-8", "replace"))
    shown = "".join(one for one in shown if unicodedata.category(one) not in ("Cc", "Cs"))
    return (shown if len(shown) <= limit else shown[: limit - 1] + "…") or None


def _uri(returned: bytes) -> str | None:
    """Return a URI unchanged; None when it is too long or not printable. A URI that was cut or cleaned would lead elsewhere."""
    content = _string(returned)
    if content is None or len(content) > LONGEST_URI:
        return None
    uri = content.decode("utf-8", "replace")
    return uri if uri and uri.isprintable() and "\ufffd" not in uri else None


def _is_false(returned: bytes) -> bool:
    """Return whether a call returned false: one word of zeros, alone or inside the `bytes` that a wallet's execute returns."""
    if len(returned) == 96 and _number(returned) == 32 and _number(returned[32:64]) == 32:
        returned = returned[64:]
    return len(returned) == 32 and not any(returned)


# --- code --------------------------------------------------------------------------------------------------------------

_PUSH1, _PUSH32, _CALLCODE, _DELEGATECALL = 0x60, 0x7F, 0xF2, 0xF4


def surely_lacks(code: bytes, selector: bytes) -> bool:
    """Return whether the contract with this code certainly has no function with this selector.

    The four bytes are nowhere in the code, and the code passes no call on to other code, as proxies do.
    """
    return bool(code) and selector not in code and not _may_delegate(code)


def _may_delegate(code: bytes) -> bool:
    """Return whether the code may pass calls on to other code. True also for data that looks like such an instruction."""
    at = 0
    while at < len(code):
        if code[at] in (_CALLCODE, _DELEGATECALL):
            return True
        at += 1 + (code[at] - _PUSH1 + 1 if _PUSH1 <= code[at] <= _PUSH32 else 0)
    return code[:3] == bytes.fromhex("ef0100")  # an account that runs another's code (EIP-7702)

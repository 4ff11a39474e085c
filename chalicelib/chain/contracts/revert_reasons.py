"""Decodes revert data: Solidity's own two errors, the custom errors of OpenZeppelin 5, and a plain sentence for the rest."""

from collections.abc import Mapping
from typing import Any

from eth_abi.abi import decode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chalicelib.chain.rpc.error_objects import LONGEST_TEXT
from chalicelib.chain.rpc.node_texts import NO_REASON, clean

KEPT_BYTES = LONGEST_TEXT // 2 - 8
"""Revert data of this length may have been cut (`error_objects.bounded`)."""
ERROR_SELECTOR = bytes.fromhex("08c379a0")  # Error(string)
PANIC_SELECTOR = bytes.fromhex("4e487b71")  # Panic(uint256)

PANICS: Mapping[int, str] = {
    0x00: "generic panic of the compiler",
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division or modulo by zero",
    0x21: "value out of the range of its enum",
    0x22: "badly encoded storage byte array",
    0x31: "pop from an empty array",
    0x32: "array index out of bounds",
    0x41: "too much memory or too large an array",
    0x51: "call of a function variable that was never set",
}
"""Solidity documentation, "Panic via assert and Error via require"."""

# Sources: ERC-6093, and the contracts of OpenZeppelin 5 (where they renamed an error, both names are here).
CUSTOM_ERRORS = """
WalletHandedOver(address wallet, address owner)
ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)
ERC20InvalidSender(address sender)
ERC20InvalidReceiver(address receiver)
ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)
ERC20InvalidApprover(address approver)
ERC20InvalidSpender(address spender)
ERC20ExceededCap(uint256 increasedSupply, uint256 cap)
ERC20InvalidCap(uint256 cap)
ERC721InvalidOwner(address owner)
ERC721NonexistentToken(uint256 tokenId)
ERC721IncorrectOwner(address sender, uint256 tokenId, address owner)
ERC721InvalidSender(address sender)
ERC721InvalidReceiver(address receiver)
ERC721InsufficientApproval(address operator, uint256 tokenId)
ERC721InvalidApprover(address approver)
ERC721InvalidOperator(address operator)
ERC1155InsufficientBalance(address sender, uint256 balance, uint256 needed, uint256 tokenId)
ERC1155InvalidSender(address sender)
ERC1155InvalidReceiver(address receiver)
ERC1155MissingApprovalForAll(address operator, address owner)
ERC1155InvalidApprover(address approver)
ERC1155InvalidOperator(address operator)
ERC1155InvalidArrayLength(uint256 idsLength, uint256 valuesLength)
ERC2612ExpiredSignature(uint256 deadline)
ERC2612InvalidSigner(address signer, address owner)
InvalidAccountNonce(address account, uint256 currentNonce)
ECDSAInvalidSignature()
ECDSAInvalidSignatureLength(uint256 length)
ECDSAInvalidSignatureS(bytes32 s)
OwnableUnauthorizedAccount(address account)
OwnableInvalidOwner(address owner)
AccessControlUnauthorizedAccount(address account, bytes32 neededRole)
AccessControlBadConfirmation()
AccessControlInvalidDefaultAdmin(address defaultAdmin)
AccessControlEnforcedDefaultAdminRules()
AccessControlEnforcedDefaultAdminDelay(uint48 schedule)
AddressEmptyCode(address target)
AddressInsufficientBalance(address account)
FailedInnerCall()
FailedCall()
FailedDeployment()
InsufficientBalance(uint256 balance, uint256 needed)
MissingPrecompile(address)
Create2EmptyBytecode()
Create2FailedDeployment()
Create2InsufficientBalance(uint256 balance, uint256 needed)
ERC1167FailedCreateClone()
CloneArgumentsTooLong()
InvalidInitialization()
NotInitializing()
EnforcedPause()
ExpectedPause()
ReentrancyGuardReentrantCall()
SafeERC20FailedOperation(address token)
SafeERC20FailedDecreaseAllowance(address spender, uint256 currentAllowance, uint256 requestedDecrease)
SafeCastOverflowedUintDowncast(uint8 bits, uint256 value)
"""


def _table(declarations: str) -> dict[bytes, tuple[str, list[str], list[str]]]:
    """Return (name, types, parameter names) by selector."""
    table = {}
    for line in filter(None, declarations.splitlines()):
        name, _, inside = line.rstrip(")").partition("(")
        parameters = [parameter.split() for parameter in inside.split(",") if parameter]
        types = [parameter[0] for parameter in parameters]
        table[keccak(text=f"{name}({','.join(types)})")[:4]] = (name, types, [" ".join(rest) for _, *rest in parameters])
    return table


_CUSTOM = _table(CUSTOM_ERRORS)


def decode_revert(data: bytes) -> str:
    """Return why a call reverted, as one printable line of at most 300 characters. Never raises, whatever the data."""
    if not data:
        return NO_REASON
    selector, body = data[:4], data[4:]
    try:
        return _decoded(selector, body) or f"custom error 0x{selector.hex()}"
    except Exception:  # noqa: BLE001  # any contract may write this data: whatever the decoder raises, the data is malformed
        return f"reverted with malformed data (0x{selector.hex()})"


def _decoded(selector: bytes, body: bytes) -> str | None:
    if selector == ERROR_SELECTOR:
        # Decoded as bytes: as a string, one byte that is not UTF-8 would cost the whole reason. A very long reason was cut.
        (reason,) = decode(["bytes"], body, strict=False) if len(body) < KEPT_BYTES else (body[64:],)
        return clean(reason.decode("utf-8", "replace")) or NO_REASON
    if selector == PANIC_SELECTOR:
        (code,) = decode(["uint256"], body)
        return f"panic 0x{code:02x}: {PANICS.get(code, 'not a code Solidity knows')}"
    if selector in _CUSTOM:
        name, types, names = _CUSTOM[selector]
        return clean(f"{name}({_named(types, names, decode(types, body))})")
    return None if len(selector) == 4 else f"reverted with data 0x{selector.hex()}"


def _named(types: list[str], names: list[str], values: tuple[Any, ...]) -> str:
    texts = [_shown(type_, value) for type_, value in zip(types, values, strict=True)]
    return ", ".join(f"{name}={text}" if name else text for name, text in zip(names, texts, strict=True))


def _shown(type_: str, value: Any) -> str:
    if type_ == "address":
        return to_checksum_address(value)
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)

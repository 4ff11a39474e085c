"""Addresses as text with the checksum of EIP-55. eth_utils does the same, and takes 0.1 s to import."""

from chalicelib.patterns import ADDRESS


def checksum_address(value: str) -> str:
    """The EIP-55 form of a 0x-prefixed address. Raises ValueError, with a sentence, when it is none.

    All lower-case and all upper-case carry no checksum and are accepted; mixed case must be the right one.
    """
    if not isinstance(value, str) or not ADDRESS.fullmatch(value):
        raise ValueError("An address is 0x and 40 hex digits.")
    digits = value[2:]
    address = checksummed(bytes.fromhex(digits))
    if digits not in (digits.lower(), digits.upper()) and value != address:
        raise ValueError("The address is in mixed case and fails its EIP-55 checksum: check it for a typing mistake.")
    return address


def checksummed(address: bytes) -> str:
    """Of the 20 bytes of an address. Raises ValueError for any other number of them."""
    if len(address) != 20:
        raise ValueError("An address is 20 bytes.")
    from eth_hash.auto import keccak  # noqa: PLC0415 -- 20 ms, and not every start comes here

    digits = address.hex()
    nibbles = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, nibbles, strict=False)
    )

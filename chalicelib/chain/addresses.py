"""Addresses as text with the checksum of EIP-55. (eth_utils does the same, and takes 0.1 s to import.)"""

from chalicelib.patterns import ADDRESS


def checksum_address(value: str) -> str:
    """Return the EIP-55 form of a 0x-prefixed address. Raises ValueError, with a sentence, for anything else.

    An address in lower case only or upper case only has no checksum, and is accepted. Mixed case must be the checksum.
    """
    if not isinstance(value, str) or not ADDRESS.fullmatch(value):
        raise ValueError("An address is 0x and 40 hex digits.")
    digits = value[2:]
    address = checksummed(bytes.fromhex(digits))
    if digits not in (digits.lower(), digits.upper()) and value != address:
        raise ValueError("The address is in mixed case and fails its EIP-55 checksum: check it for a typing mistake.")
    return address


def checksummed(address: bytes) -> str:
    """Return the EIP-55 form of the 20 bytes of an address. Raises ValueError for another number of bytes."""
    if len(address) != 20:
        raise ValueError("An address is 20 bytes.")
    from eth_hash.auto import keccak  # noqa: PLC0415 -- 20 ms, which not every start needs

    digits = address.hex()
    nibbles = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, nibbles, strict=False)
    )

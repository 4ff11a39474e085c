"""Checks the EIP-55 checksum of an address in a JWT, with Keccak-256 in plain Python.

A check takes a millisecond, once for each address and process. Importing a library for it would take twenty at each start.

The permutation Keccak-f[1600] of FIPS 202, with the padding that Ethereum uses: 0x01 in place of SHA-3's 0x06.
"""

from functools import lru_cache

_ROTATIONS = (0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14)
_RATE = 136
"""Bytes of one block: 1600 bits less twice the 256 bits of the hash."""
_MASK = (1 << 64) - 1


def _round_constants() -> tuple[int, ...]:
    """Return the constants of the 24 rounds, from the shift register of the specification."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


@lru_cache(maxsize=1_000)
def is_checksummed(address: str) -> bool:
    """Return whether the letters of an address, 0x and 40 hex digits, have the case that the hash of the digits requires."""
    digits = address[2:]
    nibbles = keccak256(digits.lower().encode()).hex()
    return all(
        digit.isupper() == (int(nibble, 16) >= 8) for digit, nibble in zip(digits, nibbles, strict=False) if digit.isalpha()
    )


def keccak256(data: bytes) -> bytes:
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % _RATE)
    padded[-1] |= 0x80
    constants = _round_constants()
    lanes = [0] * 25
    for block in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            start = block + 8 * lane
            lanes[lane] ^= int.from_bytes(padded[start : start + 8], "little")
        for constant in constants:
            lanes = _permuted(lanes)
            lanes[0] ^= constant
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(lanes: list[int]) -> list[int]:
    """Return the lanes after one round without its constant: the steps theta, rho, pi and chi."""
    columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
    mixed = [columns[x - 1] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
    moved = [0] * 25
    for x in range(5):
        for y in range(5):
            moved[y + 5 * ((2 * x + 3 * y) % 5)] = _rotated(lanes[x + 5 * y] ^ mixed[x], _ROTATIONS[x + 5 * y])
    return [
        moved[row + x] ^ (~moved[row + (x + 1) % 5] & moved[row + (x + 2) % 5] & _MASK)
        for row in range(0, 25, 5)
        for x in range(5)
    ]


def _rotated(lane: int, by: int) -> int:
    return ((lane << by) | (lane >> (64 - by))) & _MASK

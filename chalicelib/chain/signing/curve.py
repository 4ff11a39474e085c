"""Signatures over secp256k1: sign with a private key, and recover the public key of a signature.

libsecp256k1 does it where `coincurve` is installed, thirty times as fast as pure Python. `coincurve` has no wheels for the
newest Pythons: there eth_keys does it. Both make the same signature of the same message (RFC 6979), with a low s (EIP-2).
"""

from collections.abc import Callable

try:
    import coincurve
except ImportError:
    coincurve = None  # type: ignore[assignment,unused-ignore]

SECP256K1_N = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141

Vrs = tuple[int, int, int]
"""Parity of y, r, s of a signature."""


def public_key(private_key: bytes) -> bytes:
    """Return the public key of 32 bytes of private key: the 64 bytes of its uncompressed point."""
    if coincurve is not None:
        return _point(coincurve.PrivateKey(private_key).public_key)
    from eth_keys.datatypes import PrivateKey  # noqa: PLC0415 -- 0.1 s

    return PrivateKey(private_key).public_key.to_bytes()


def signing_with(private_key: bytes) -> Callable[[bytes], Vrs]:
    """Return a function that signs 32 bytes with this private key. The key is prepared once."""
    if coincurve is not None:
        key = coincurve.PrivateKey(private_key)

        def sign(digest: bytes) -> Vrs:
            signature = key.sign_recoverable(digest, hasher=None)
            return signature[64], int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")

        return sign
    from eth_keys.datatypes import PrivateKey  # noqa: PLC0415

    slow_key = PrivateKey(private_key)

    def sign_slowly(digest: bytes) -> Vrs:
        parity, r, s = slow_key.sign_msg_hash(digest).vrs
        return parity, r, s

    return sign_slowly


def recover(digest: bytes, parity: int, r: int, s: int) -> bytes | None:
    """Return the public key (64 bytes) that made this signature over `digest`. r and s must be below N.

    None when no public key can have made it.
    """
    if coincurve is not None:
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
        try:
            return _point(coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None))
        except Exception:  # noqa: BLE001 -- whatever it raises: there is no point on the curve with this r
            return None
    from eth_keys.datatypes import Signature  # noqa: PLC0415
    from eth_keys.exceptions import BadSignature  # noqa: PLC0415
    from eth_utils.exceptions import ValidationError  # noqa: PLC0415

    try:
        return Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest).to_bytes()
    except (BadSignature, ValidationError):
        return None


def _point(key: "coincurve.PublicKey") -> bytes:
    return bytes(key.format(compressed=False)[1:])

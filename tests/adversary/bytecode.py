"""Contracts that an attacker would deploy, as init code: a few bytes of EVM assembly that no compiler would make."""

LARGEST_CODE = 255


def deploying(code: str) -> str:
    """0x and the init code of a contract with this code, which is given in hex digits without 0x.

    PUSH1 size, PUSH1 12, PUSH1 0, CODECOPY, PUSH1 size, PUSH1 0, RETURN: what follows these 12 bytes is the code.
    """
    size = len(code) // 2
    assert size <= LARGEST_CODE, "PUSH1 takes one byte"
    return f"0x60{size:02x}600c60003960{size:02x}6000f3{code}"


REVERTS_WHEN_MINED = deploying("3a600557005b60006000fd")
"""Stops where the gas price is 0, as in an estimate, and reverts at any other price."""
REVERTS_WITH_MEGABYTES = deploying("622c40206000fd")
"""Reverts with the first 2.9 MB of its memory, all of them zero."""
HASHES_WHEN_ESTIMATED = deploying("3a15600657005b630003b4a95b6020600020506001900380600c5700")
"""Where the gas price is 0, hashes 32 bytes 242,857 times: about 17 million gas, so the estimate is slow. Mined, it stops."""

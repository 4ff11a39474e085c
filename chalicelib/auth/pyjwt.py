"""Imports PyJWT without `cryptography` where no JWT is checked with a public key.

PyJWT imports `cryptography` if it is installed, and it is in the zip. That doubles the time of the import, at every start.
"""
# ruff: noqa: PLC0415 -- see above

import sys
from functools import cache
from types import ModuleType
from typing import cast

_NOT_NEEDED = "cryptography"


@cache
def pyjwt() -> ModuleType:
    """Return the module `jwt`: as it is if it was imported already, as `chalicelib.auth.jwks` does, or else with HS256 only."""
    if "jwt" not in sys.modules and _NOT_NEEDED not in sys.modules:
        sys.modules[_NOT_NEEDED] = cast(ModuleType, None)  # importing it raises ModuleNotFoundError, which PyJWT expects
        try:
            import jwt
        finally:
            del sys.modules[_NOT_NEEDED]
        return jwt
    import jwt

    return jwt

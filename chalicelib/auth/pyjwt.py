"""PyJWT, imported without `cryptography` where no token is checked with a public key.

PyJWT imports it wherever it is installed, as it is in the zip; that takes as long as PyJWT itself, at every start of the API.
"""
# ruff: noqa: PLC0415 -- for that

import sys
from functools import cache
from types import ModuleType
from typing import cast

_NOT_NEEDED = "cryptography"


@cache
def pyjwt() -> ModuleType:
    """The module `jwt`: as it is, if it has been imported already (`chalicelib.auth.jwks` does), else with HS256 alone."""
    if "jwt" not in sys.modules and _NOT_NEEDED not in sys.modules:
        sys.modules[_NOT_NEEDED] = cast(ModuleType, None)  # importing it raises ModuleNotFoundError, which PyJWT expects
        try:
            import jwt
        finally:
            del sys.modules[_NOT_NEEDED]
        return jwt
    import jwt

    return jwt

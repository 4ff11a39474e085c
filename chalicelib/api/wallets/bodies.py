"""What clients send about wallets."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from chalicelib.api.jobs.admin_body import JobBody
from chalicelib.api.schema.fields import Address
from chalicelib.api.schema.models import Checked

_E164 = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)


def phone_number(value: Any) -> str:
    """A number with its country, as E.164 writes it. Raises ValueError, without the number."""
    if not isinstance(value, str) or not _E164.fullmatch(value):
        raise ValueError(
            "A phone number is + and at most 15 digits, the country code first (E.164); in a path, write + as %2B."
        )
    return value


PhoneNumber = Annotated[
    str,
    BeforeValidator(phone_number),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\+[1-9][0-9]{1,14}$", "description": "E.164", "examples": ["+12025550123"]}
    ),
]


class CreateWalletBody(JobBody):
    phone_number: PhoneNumber


class PhonePath(Checked):
    phone_number: PhoneNumber


class WalletPath(Checked):
    wallet_address: Address

"""What clients send about wallets."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from chalicelib.api.jobs.admin_body import JobBody
from chalicelib.api.schema.fields import Address
from chalicelib.api.schema.models import Checked

_E164 = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)


def phone_number(value: Any) -> str:
    """Return the number, which must be in the form of E.164. Raises ValueError, without the number, which is personal."""
    if not isinstance(value, str) or not _E164.fullmatch(value):
        raise ValueError(
            "The phone number must be + and at most 15 digits, the country code first (E.164). In a path, write + as %2B."
        )
    return value


PhoneNumber = Annotated[
    str,
    BeforeValidator(phone_number),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\+[1-9][0-9]{1,14}$",
            "description": "in the form of E.164",
            "examples": ["+12025550123"],
        }
    ),
]


class CreateWalletBody(JobBody):
    phone_number: PhoneNumber


class PhonePath(Checked):
    phone_number: PhoneNumber


class WalletPath(Checked):
    wallet_address: Address

"""What clients send to the Admin API: fields that its paths share."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from chalicelib.admin.amounts import check_tokens
from chalicelib.api.errors import invalid
from chalicelib.api.fields import Id, Text
from chalicelib.api.requests import Checked

_E164 = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)


def phone_number(value: Any) -> str:
    """A number with its country, as E.164 writes it. Raises ValueError, without the number."""
    if not isinstance(value, str) or not _E164.fullmatch(value):
        raise ValueError(
            "A phone number is + and at most 15 digits, the country code first (E.164); in a path, write + as %2B."
        )
    return value


TokenAmount = Annotated[
    str,
    BeforeValidator(check_tokens),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(0|[1-9][0-9]{0,77})(\.[0-9]{1,77})?$",
            "description": "Tokens, not their smallest units; as many places as the token has decimals",
            "examples": ["12.5"],
        }
    ),
]
PhoneNumber = Annotated[
    str,
    BeforeValidator(phone_number),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\+[1-9][0-9]{1,14}$", "description": "E.164", "examples": ["+12025550123"]}
    ),
]


def bridge_type(value: str) -> str:
    """The Studio's word for the chain of a service: there is one here, and it is home. Raises ValueError."""
    if value != "home":
        raise ValueError("bridgeType is home.")
    return value


BridgeType = Annotated[str, AfterValidator(bridge_type), WithJsonSchema({"type": "string", "enum": ["home"]})]


class JobBody(Checked):
    """What every call takes that issues a job."""

    correlation_id: Id | None = None
    network_type: Text | None = None

    def require_network(self, network: str) -> None:
        """Raises InvalidRequest for another network than the one the service serves."""
        if self.network_type not in (None, network):
            raise invalid([("networkType", f"This service sends transactions on {network} only.")])

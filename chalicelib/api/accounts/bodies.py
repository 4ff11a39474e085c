"""What clients send about accounts."""

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from chalicelib.api.schema.fields import Address, Flag, Id, Text
from chalicelib.api.schema.models import Checked


def bridge_type(value: str) -> str:
    """The Studio's word for the chain of a service: there is one here, and it is home. Raises ValueError."""
    if value != "home":
        raise ValueError("bridgeType is home.")
    return value


BridgeType = Annotated[str, AfterValidator(bridge_type), WithJsonSchema({"type": "string", "enum": ["home"]})]


class CreateAccountBody(Checked):
    role: Id = Field(description="The pool it signs for; with appName only a label")
    bridge_type: BridgeType
    description: Text | None = None
    app_name: Id | None = Field(default=None, description="The application whose issuer alone signs with it")
    allows_value: Flag = Field(
        default=False, description="Whether the issuers of its pool may send coins with it; not with appName"
    )


class UnlockAccountBody(Checked):
    account_address: Address
    bridge_type: BridgeType


class AccountsQuery(Checked):
    cursor: str | None = Field(default=None, description="the nextCursor of the page before")

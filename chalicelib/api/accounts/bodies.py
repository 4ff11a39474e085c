"""What clients send about accounts."""

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from chalicelib.api.schema.fields import Address, Flag, Id, Text
from chalicelib.api.schema.models import Checked


def bridge_type(value: str) -> str:
    """Return the word that a stage has for its chain. It is always home. Raises ValueError for another one."""
    if value != "home":
        raise ValueError("bridgeType must be home.")
    return value


BridgeType = Annotated[str, AfterValidator(bridge_type), WithJsonSchema({"type": "string", "enum": ["home"]})]


class CreateAccountBody(Checked):
    role: Id = Field(description="the pool that the account belongs to; with appName it is only a label")
    bridge_type: BridgeType
    description: Text | None = None
    app_name: Id | None = Field(default=None, description="the application whose issuer alone may sign with the account")
    allows_value: Flag = Field(
        default=False, description="true if the issuers of its pool may send coins with it; not with appName"
    )


class UnlockAccountBody(Checked):
    account_address: Address
    bridge_type: BridgeType


class AccountsQuery(Checked):
    cursor: str | None = Field(default=None, description="nextCursor of the page before")

"""What replies about accounts look like. Only the API reference imports this module."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib.api.schema.texts import AddressText, CursorText, TimeText


class AccountView(TypedDict):
    """A signing account. `nonce` is the next one that the service will use. It is absent before the first transaction."""

    accountAddress: AddressText
    bridgeType: str
    chainId: int
    role: NotRequired[str]
    description: NotRequired[str]
    appName: NotRequired[str]
    nonce: NotRequired[int]
    isLocked: bool
    allowsValue: Annotated[bool, Field(description="true if its issuers may send coins with it")]
    lockedBecause: NotRequired[str]
    createdAt: NotRequired[TimeText]


class Accounts(TypedDict):
    accounts: list[AccountView]
    nextCursor: NotRequired[CursorText]


class UnlockedAccount(TypedDict):
    account: AccountView


class NewAccountView(TypedDict):
    """`jwt` is shown this once. The service does not keep it."""

    account: AccountView
    jwt: NotRequired[str]


class OneAccount(TypedDict):
    data: UnlockedAccount


class CreatedAccount(TypedDict):
    data: NewAccountView

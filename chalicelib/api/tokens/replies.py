"""What replies about tokens look like. Only the API reference imports this module."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib.api.schema.texts import AddressText, TimeText, WeiText


class TokenView(TypedDict):
    """A token as the chain tells it, and what was kept here when it was made here. Amounts in its smallest units."""

    tokenAddress: AddressText
    decimals: NotRequired[int]
    decimalsMissing: NotRequired[Annotated[Literal[True], Field(description="the token tells no decimals: amounts are units")]]
    totalSupply: WeiText
    name: NotRequired[str]
    symbol: NotRequired[str]
    owner: NotRequired[AddressText]
    tokenURI: NotRequired[str]
    expiryTimestamp: NotRequired[int]
    spendabilityIdsArr: NotRequired[list[str]]
    blockNumber: NotRequired[int]
    createdAt: NotRequired[TimeText]


class MadeTokenView(TypedDict):
    """A token that an account made here, as it was asked for; `owner` is who owns it now, where the chain tells."""

    tokenAddress: AddressText
    name: str
    symbol: str
    initialSupplyInWei: WeiText
    owner: NotRequired[AddressText]
    tokenURI: NotRequired[str]
    expiryTimestamp: NotRequired[int]
    spendabilityIdsArr: NotRequired[list[str]]
    blockNumber: int
    createdAt: TimeText


class OneToken(TypedDict):
    data: TokenView


class MadeTokens(TypedDict):
    data: list[MadeTokenView]

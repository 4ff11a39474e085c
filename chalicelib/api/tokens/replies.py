"""What replies about ERC-20 tokens look like. Only the API reference imports this module."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib.api.schema.texts import AddressText, TimeText, WeiText


class TokenView(TypedDict):
    """An ERC-20 token as the chain tells it, with what this service keeps if it created it. Amounts are in smallest units."""

    tokenAddress: AddressText
    decimals: NotRequired[int]
    decimalsMissing: NotRequired[
        Annotated[Literal[True], Field(description="the token has no decimals: amounts are in smallest units")]
    ]
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
    """An ERC-20 token as it was asked for when it was created here. `owner` is its owner now, if the chain tells one."""

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

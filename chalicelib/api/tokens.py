"""The tokens resource of the Admin API: create, mint, burn, transfer from a wallet; look up."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from chalicelib.admin import tokens
from chalicelib.admin.tokens import Burn, Mint, NewToken, Transfer
from chalicelib.api.admin_bodies import JobBody, TokenAmount
from chalicelib.api.admin_views import made_token_view, token_view
from chalicelib.api.endpoint import Call
from chalicelib.api.fields import Address, Text
from chalicelib.api.jobs.issue import issued_reply
from chalicelib.api.pages import first_that_fit, room_of
from chalicelib.api.requests import Checked
from chalicelib.api.values import require_visible
from chalicelib.api.wire import Reply

LATEST_EXPIRY = 2**53 - 1  # what every JSON parser reads exactly
MAX_IDS = 100
MAX_IDS_BYTES = 8_000
"""Every look-up of the token shows them, and so does each list of jobs."""


def _timestamp(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 17:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LATEST_EXPIRY:
        raise ValueError("expiryTimestamp is seconds since 1970, a whole number.")
    return value


def _ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise ValueError("spendabilityIds is one string, with commas between the ids.")
    require_visible(value)
    ids = tuple(dict.fromkeys(id_ for part in value.split(",") if (id_ := part.strip())))
    if len(ids) > MAX_IDS or any(len(id_) > 256 for id_ in ids):
        raise ValueError(f"At most {MAX_IDS} ids of at most 256 characters are taken.")
    if (taken := sum(len(id_.encode()) for id_ in ids)) > MAX_IDS_BYTES:
        raise ValueError(f"All ids together have at most {MAX_IDS_BYTES:,} bytes in UTF-8; these have {taken:,}.")
    return ids


Timestamp = Annotated[
    int,
    BeforeValidator(_timestamp),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LATEST_EXPIRY, "description": "Seconds since 1970"}),
]
CommaSeparated = Annotated[
    tuple[str, ...],
    BeforeValidator(_ids),
    WithJsonSchema({"type": "string", "description": "Comma-separated", "examples": ["food,transport"]}),
]


class CreateTokenBody(JobBody):
    name: Text
    symbol: Text
    initial_supply: TokenAmount = Field(default="0", description="In tokens; the account that signs gets it")
    uri: Text | None = Field(default=None, description="Where the token's metadata is; on chain as tokenURI")
    expiry_timestamp: Timestamp | None = Field(default=None, description="Kept here and told by look-ups, not on chain")
    spendability_ids: CommaSeparated = Field(default=(), description="Comma-separated; kept here, not on chain")


class MintBody(JobBody):
    token_address: Address
    amount: TokenAmount
    to_address: Address | None = Field(default=None, description="The account that signs, when absent")


class BurnBody(JobBody):
    token_address: Address
    amount: TokenAmount
    wallet: Address | None = Field(
        default=None, alias="from", description="A wallet of yours; without it, the account that signs"
    )


class TransferBody(JobBody):
    token_address: Address
    amount: TokenAmount
    wallet: Address = Field(alias="from", description="A wallet of yours")
    to: Address


class TokenPath(Checked):
    token_address: Address


class OwnerPath(Checked):
    owner_address: Address


def create_token(call: Call) -> Reply:
    body = CreateTokenBody.parse(call.body)
    body.require_network(call.services.network)
    new = NewToken(body.name, body.symbol, body.initial_supply, body.uri, body.expiry_timestamp, body.spendability_ids)
    return issued_reply(tokens.create_token(new, body.correlation_id, call.principal, call.services))


def mint(call: Call) -> Reply:
    body = MintBody.parse(call.body)
    body.require_network(call.services.network)
    wish = Mint(body.token_address, body.amount, body.to_address)
    return issued_reply(tokens.mint(wish, body.correlation_id, call.principal, call.services))


def burn(call: Call) -> Reply:
    body = BurnBody.parse(call.body)
    body.require_network(call.services.network)
    wish = Burn(body.token_address, body.amount, body.wallet)
    return issued_reply(tokens.burn(wish, body.correlation_id, call.principal, call.services))


def transfer(call: Call) -> Reply:
    body = TransferBody.parse(call.body)
    body.require_network(call.services.network)
    wish = Transfer(body.token_address, body.amount, body.wallet, body.to)
    return issued_reply(tokens.transfer(wish, body.correlation_id, call.principal, call.services))


def fetch_token(call: Call) -> Reply:
    address = TokenPath.parse({"tokenAddress": call.path["token_address"]}).token_address
    return Reply({"data": token_view(tokens.find_token(address, call.services), call.principal)})


def fetch_tokens_of_owner(call: Call) -> Reply:
    """Those that were made here by this account, newest first: a hundred at most, and as many as one reply holds."""
    owner = OwnerPath.parse({"ownerAddress": call.path["owner_address"]}).owner_address
    views = (made_token_view(made, call.principal) for made in tokens.tokens_of(owner, call.services))
    return Reply({"data": first_that_fit(views, room_of(call))})

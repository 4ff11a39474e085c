"""What clients send about ERC-20 tokens."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from chalicelib.admin.amounts import check_tokens
from chalicelib.api.http.values import require_visible
from chalicelib.api.jobs.admin_body import JobBody
from chalicelib.api.schema.fields import Address, Text
from chalicelib.api.schema.models import Checked

TokenAmount = Annotated[
    str,
    BeforeValidator(check_tokens),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(0|[1-9][0-9]{0,77})(\.[0-9]{1,77})?$",
            "description": "in whole tokens, not in smallest units; with at most the decimals of the token",
            "examples": ["12.5"],
        }
    ),
]

LATEST_EXPIRY = 2**53 - 1  # what every JSON parser reads exactly
MAX_IDS = 100
MAX_IDS_BYTES = 8_000
"""In UTF-8. Every look-up of the ERC-20 token shows the ids, and so does each list of jobs."""


def _timestamp(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 17:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LATEST_EXPIRY:
        raise ValueError("expiryTimestamp must be a whole number of seconds since 1970.")
    return value


def _ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise ValueError("spendabilityIds must be one string, with commas between the ids.")
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
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LATEST_EXPIRY, "description": "seconds since 1970"}),
]
CommaSeparated = Annotated[
    tuple[str, ...],
    BeforeValidator(_ids),
    WithJsonSchema({"type": "string", "description": "ids with commas between them", "examples": ["food,transport"]}),
]


class CreateTokenBody(JobBody):
    name: Text
    symbol: Text
    initial_supply: TokenAmount = Field(default="0", description="the account that signs gets it")
    uri: Text | None = Field(default=None, description="address of the metadata of the ERC-20 token; on chain it is tokenURI")
    expiry_timestamp: Timestamp | None = Field(default=None, description="when it expires; kept by this service, not on chain")
    spendability_ids: CommaSeparated = Field(
        default=(), description="what it may be spent on; kept by this service, not on chain"
    )


class MintBody(JobBody):
    token_address: Address
    amount: TokenAmount
    to_address: Address | None = Field(default=None, description="who gets the tokens; by default the account that signs")


class BurnBody(JobBody):
    token_address: Address
    amount: TokenAmount
    wallet: Address | None = Field(
        default=None, alias="from", description="a wallet of yours; by default the account that signs"
    )


class TransferBody(JobBody):
    token_address: Address
    amount: TokenAmount
    wallet: Address = Field(alias="from", description="a wallet of yours")
    to: Address


class TokenPath(Checked):
    token_address: Address


class OwnerPath(Checked):
    owner_address: Address

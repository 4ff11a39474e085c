"""What the API reference tells about the routes of ERC-20 tokens."""

from collections.abc import Mapping

from chalicelib.api.jobs.descriptions import ISSUED, WITH_JOB
from chalicelib.api.schema.description import Description
from chalicelib.api.tokens import bodies, replies
from chalicelib.errors import (
    BalanceTooLow,
    ChainUnavailable,
    NotAToken,
    NotConfigured,
    NotTokenOwner,
    NotYourContract,
    NotYourWallet,
    TokenNotFound,
    TransferNotMade,
)

DESCRIPTIONS: Mapping[str, Description] = {
    "tokens.handlers.create_token": Description(
        "Issue a job that creates an ERC-20 token. The account that signs owns it.",
        ISSUED,
        body=bodies.CreateTokenBody,
        errors=(*WITH_JOB, NotConfigured),
    ),
    "tokens.handlers.mint": Description(
        "Issue a job that mints ERC-20 tokens to an address, or to the account that signs.",
        ISSUED,
        body=bodies.MintBody,
        errors=(*WITH_JOB, NotAToken, NotTokenOwner, NotYourContract, TransferNotMade),
    ),
    "tokens.handlers.burn": Description(
        "Issue a job that burns ERC-20 tokens of the account that signs, or of a wallet of yours.",
        ISSUED,
        body=bodies.BurnBody,
        errors=(*WITH_JOB, NotAToken, BalanceTooLow, NotYourContract, NotYourWallet, TransferNotMade),
    ),
    "tokens.handlers.transfer": Description(
        "Issue a job that transfers ERC-20 tokens from a wallet of yours.",
        ISSUED,
        body=bodies.TransferBody,
        errors=(*WITH_JOB, NotAToken, BalanceTooLow, NotYourContract, NotYourWallet, TransferNotMade),
    ),
    "tokens.handlers.fetch_token": Description(
        "Look up any ERC-20 token.",
        {200: replies.OneToken},
        path_parameters=bodies.TokenPath,
        errors=(TokenNotFound, ChainUnavailable),
    ),
    "tokens.handlers.fetch_tokens_of_owner": Description(
        "List the ERC-20 tokens that an account created with this service, newest first.",
        {200: replies.MadeTokens},
        path_parameters=bodies.OwnerPath,
        errors=(ChainUnavailable,),
    ),
}

"""What the API reference tells of the routes about tokens."""

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
        "Create an ERC-20 token, owned by the account that signs.",
        ISSUED,
        body=bodies.CreateTokenBody,
        errors=(*WITH_JOB, NotConfigured),
    ),
    "tokens.handlers.mint": Description(
        "Mint tokens to an address, or to the account that signs.",
        ISSUED,
        body=bodies.MintBody,
        errors=(*WITH_JOB, NotAToken, NotTokenOwner, NotYourContract, TransferNotMade),
    ),
    "tokens.handlers.burn": Description(
        "Burn tokens of the account that signs, or of a wallet of the issuer's.",
        ISSUED,
        body=bodies.BurnBody,
        errors=(*WITH_JOB, NotAToken, BalanceTooLow, NotYourContract, NotYourWallet, TransferNotMade),
    ),
    "tokens.handlers.transfer": Description(
        "Transfer tokens from a wallet of the issuer's.",
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
        "List the tokens that an account made here, newest first.",
        {200: replies.MadeTokens},
        path_parameters=bodies.OwnerPath,
        errors=(ChainUnavailable,),
    ),
}

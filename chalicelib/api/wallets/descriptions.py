"""What the API reference tells of the routes about wallets."""

from collections.abc import Mapping

from chalicelib.api.jobs.descriptions import ISSUED, WITH_JOB
from chalicelib.api.schema.description import Description
from chalicelib.api.wallets import bodies, replies
from chalicelib.errors import (
    NotConfigured,
    WalletNotFound,
)

DESCRIPTIONS: Mapping[str, Description] = {
    "wallets.handlers.create_wallet": Description(
        "Create a wallet for a phone number, owned by the account that signs.",
        ISSUED,
        body=bodies.CreateWalletBody,
        errors=(*WITH_JOB, NotConfigured),
    ),
    "wallets.handlers.fetch_latest": Description(
        "Fetch the newest wallet you made for a phone number.",
        {200: replies.OneWallet},
        path_parameters=bodies.PhonePath,
        errors=(WalletNotFound,),
    ),
    "wallets.handlers.fetch_all": Description(
        "List the wallets you made for a phone number, newest first.",
        {200: replies.Wallets},
        path_parameters=bodies.PhonePath,
    ),
    "wallets.handlers.fetch_exists": Description(
        "Tell whether a wallet was made here at this address.",
        {200: replies.WalletExists},
        path_parameters=bodies.WalletPath,
    ),
}

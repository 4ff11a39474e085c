"""What the API reference tells about the routes of wallets."""

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
        "Issue a job that creates a wallet for a phone number. The account that signs owns it.",
        ISSUED,
        body=bodies.CreateWalletBody,
        errors=(*WITH_JOB, NotConfigured),
    ),
    "wallets.handlers.fetch_latest": Description(
        "Fetch the newest wallet that you created for a phone number.",
        {200: replies.OneWallet},
        path_parameters=bodies.PhonePath,
        errors=(WalletNotFound,),
    ),
    "wallets.handlers.fetch_all": Description(
        "List the wallets that you created for a phone number, newest first.",
        {200: replies.Wallets},
        path_parameters=bodies.PhonePath,
    ),
    "wallets.handlers.fetch_exists": Description(
        "Tell whether this service created a wallet at an address.",
        {200: replies.WalletExists},
        path_parameters=bodies.WalletPath,
    ),
}

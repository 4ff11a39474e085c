"""What the API reference tells about the routes of accounts."""

from collections.abc import Mapping

from chalicelib.api.accounts import bodies, replies
from chalicelib.api.schema.description import Description
from chalicelib.errors import (
    AccountNotFound,
    AccountNotUnlockable,
    KeyNotReady,
    SignerUnavailable,
)

DESCRIPTIONS: Mapping[str, Description] = {
    "accounts.handlers.list_accounts": Description(
        "List the signing accounts.", {200: replies.Accounts}, query=bodies.AccountsQuery
    ),
    "accounts.handlers.create_account": Description(
        "Create a signing account with a new key. With appName, the reply has a JWT for its issuer, this once.",
        {201: replies.CreatedAccount},
        body=bodies.CreateAccountBody,
        errors=(KeyNotReady, SignerUnavailable),
    ),
    "accounts.handlers.unlock_account": Description(
        "Resume a paused account.",
        {200: replies.OneAccount},
        body=bodies.UnlockAccountBody,
        errors=(AccountNotFound, AccountNotUnlockable),
    ),
}

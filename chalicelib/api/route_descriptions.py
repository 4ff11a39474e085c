"""What the API reference tells of each route: what it does, what goes in and out, and how it refuses. No request needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.api import replies, requests
from chalicelib.api.accounts import AccountsQuery, CreateAccountBody, UnlockAccountBody
from chalicelib.api.endpoint import Route
from chalicelib.api.requests import Checked
from chalicelib.api.routes import ROUTES
from chalicelib.api.tokens import BurnBody, CreateTokenBody, MintBody, OwnerPath, TokenPath, TransferBody
from chalicelib.api.wallets import CreateWalletBody, PhonePath, WalletPath
from chalicelib.api.wire import HTML, JSON
from chalicelib.errors import (
    AccountNotFound,
    AccountNotUnlockable,
    BalanceTooLow,
    ChainUnavailable,
    CorrelationIdReused,
    FeeLimitTooLow,
    Forbidden,
    InvalidJobId,
    JobNotCancellable,
    JobNotFound,
    JobNotRetryable,
    JobsApiError,
    JobTooLarge,
    KeyNotReady,
    NotAToken,
    NotConfigured,
    NotTokenOwner,
    NotYourContract,
    NotYourWallet,
    SignerUnavailable,
    TokenNotFound,
    TooManyOpenJobs,
    TransferNotMade,
    ValueNotAllowed,
    WalletNotFound,
)


@dataclass(frozen=True, slots=True)
class Description:
    """Of one route. Types are models and typed dictionaries."""

    summary: str
    """One sentence."""
    replies: Mapping[int, Any]
    """Success status → the type of its body."""
    body: Any = None
    """The type of its JSON body: a Checked model, or a union with one."""
    query: type[Checked] | None = None
    path_parameters: type[Checked] | None = None
    """Its fields are the path's parameters."""
    errors: tuple[type[JobsApiError], ...] = ()
    """Beside those every route has."""
    body_optional: bool = False
    media_type: str = JSON


@dataclass(frozen=True, slots=True)
class Described:
    """A route, and what is told of it."""

    route: Route
    told: Description


_ISSUED = {201: replies.IssuedView, 200: replies.IssuedView}
_OF_JOBS = (CorrelationIdReused, ChainUnavailable, TooManyOpenJobs)

DESCRIPTIONS: Mapping[str, Description] = {
    "jobs.issue.issue": Description(
        "Issue a transaction: a job, at once; it is signed and sent by a worker.",
        _ISSUED,
        body=requests.IssueBody,
        errors=(CorrelationIdReused, FeeLimitTooLow, Forbidden, NotYourContract, TooManyOpenJobs, ValueNotAllowed),
    ),
    "jobs.listing.list_page": Description(
        "List own jobs, newest first; an administrator lists everybody's.",
        {200: replies.JobPageView},
        query=requests.ListQuery,
    ),
    "jobs.fetch.fetch_by_id": Description(
        "Fetch a job by its id.",
        {200: replies.OneJobView},
        path_parameters=requests.JobPath,
        errors=(InvalidJobId, JobNotFound),
    ),
    "jobs.fetch.fetch_by_correlation_id": Description(
        "Fetch a job by the issuer's own id.",
        {200: replies.OneJobView},
        path_parameters=requests.CorrelationIdPath,
        errors=(JobNotFound,),
    ),
    "jobs.listing.fetch_by_external_id": Description(
        "Every job with this external id, newest first.",
        {200: replies.JobPageView},
        query=requests.ExternalQuery,
    ),
    "jobs.retry.retry_by_query": Description(
        "Retry every failed or cancelled job that fits, each on its own; one that cannot be says why in its place.",
        {200: replies.RetriesView},
        query=requests.RetryFilters,
        body=requests.RetryBody,
        body_optional=True,
        errors=(Forbidden,),
    ),
    "jobs.retry.retry_one": Description(
        "Retry a failed or cancelled job.",
        {200: replies.OneJobView},
        body=requests.RetryOneBody,
        body_optional=True,
        path_parameters=requests.JobPath,
        errors=(
            InvalidJobId,
            JobNotFound,
            JobNotRetryable,
            JobTooLarge,
            NotYourContract,
            TooManyOpenJobs,
            ValueNotAllowed,
        ),
    ),
    "jobs.cancel.cancel": Description(
        "Cancel a job: at once while it is pending, by a cancel transaction afterwards.",
        {200: replies.OneJobView},
        path_parameters=requests.JobPath,
        errors=(InvalidJobId, JobNotFound, JobNotCancellable),
    ),
    "tokens.create_token": Description(
        "Create an ERC-20 token, owned by the account that signs.",
        _ISSUED,
        body=CreateTokenBody,
        errors=(*_OF_JOBS, NotConfigured),
    ),
    "tokens.mint": Description(
        "Mint tokens to an address, or to the account that signs.",
        _ISSUED,
        body=MintBody,
        errors=(*_OF_JOBS, NotAToken, NotTokenOwner, NotYourContract, TransferNotMade),
    ),
    "tokens.burn": Description(
        "Burn tokens of the account that signs, or of a wallet of the issuer's.",
        _ISSUED,
        body=BurnBody,
        errors=(*_OF_JOBS, NotAToken, BalanceTooLow, NotYourContract, NotYourWallet, TransferNotMade),
    ),
    "tokens.transfer": Description(
        "Transfer tokens from a wallet of the issuer's.",
        _ISSUED,
        body=TransferBody,
        errors=(*_OF_JOBS, NotAToken, BalanceTooLow, NotYourContract, NotYourWallet, TransferNotMade),
    ),
    "tokens.fetch_token": Description(
        "Look up any ERC-20 token.",
        {200: replies.OneToken},
        path_parameters=TokenPath,
        errors=(TokenNotFound, ChainUnavailable),
    ),
    "tokens.fetch_tokens_of_owner": Description(
        "List the tokens that an account made here, newest first.",
        {200: replies.MadeTokens},
        path_parameters=OwnerPath,
        errors=(ChainUnavailable,),
    ),
    "wallets.create_wallet": Description(
        "Create a wallet for a phone number, owned by the account that signs.",
        _ISSUED,
        body=CreateWalletBody,
        errors=(*_OF_JOBS, NotConfigured),
    ),
    "wallets.fetch_latest": Description(
        "Fetch the newest wallet you made for a phone number.",
        {200: replies.OneWallet},
        path_parameters=PhonePath,
        errors=(WalletNotFound,),
    ),
    "wallets.fetch_all": Description(
        "List the wallets you made for a phone number, newest first.",
        {200: replies.Wallets},
        path_parameters=PhonePath,
    ),
    "wallets.fetch_exists": Description(
        "Tell whether a wallet was made here at this address.",
        {200: replies.WalletExists},
        path_parameters=WalletPath,
    ),
    "accounts.list_accounts": Description("List the signing accounts.", {200: replies.Accounts}, query=AccountsQuery),
    "accounts.create_account": Description(
        "Create a signing account with a new key; with appName, a token for its issuer comes back once.",
        {201: replies.CreatedAccount},
        body=CreateAccountBody,
        errors=(KeyNotReady, SignerUnavailable),
    ),
    "accounts.unlock_account": Description(
        "Let a paused account go on.",
        {200: replies.OneAccount},
        body=UnlockAccountBody,
        errors=(AccountNotFound, AccountNotUnlockable),
    ),
    "health.health": Description("Whether the API is there at all.", {200: replies.HealthView}),
    "reference.openapi": Description("The API reference as an OpenAPI 3.1 document.", {200: dict[str, Any]}),
    "reference.docs": Description("The API reference as a page to read.", {200: str}, media_type=HTML),
}

DESCRIBED: tuple[Described, ...] = tuple(Described(route, DESCRIPTIONS[route.handler]) for route in ROUTES)

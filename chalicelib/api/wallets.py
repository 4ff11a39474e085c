"""The wallets resource of the Admin API: create one for a phone number, and find it again."""

from chalicelib.admin import wallets
from chalicelib.api.admin_bodies import JobBody, PhoneNumber
from chalicelib.api.admin_views import OneWallet, WalletExists, Wallets, wallet_view
from chalicelib.api.endpoint import Call, Right, Route
from chalicelib.api.fields import Address
from chalicelib.api.jobs import issued_reply
from chalicelib.api.paths import readings
from chalicelib.api.requests import Checked
from chalicelib.api.views import IssuedView
from chalicelib.api.wire import Reply
from chalicelib.errors import ChainUnavailable, CorrelationIdReused, NotConfigured, WalletNotFound


class CreateWalletBody(JobBody):
    phone_number: PhoneNumber


class PhonePath(Checked):
    phone_number: PhoneNumber


class WalletPath(Checked):
    wallet_address: Address


def create_wallet(call: Call) -> Reply:
    body = CreateWalletBody.parse(call.body)
    body.require_network(call.services.network)
    return issued_reply(wallets.create_wallet(body.phone_number, body.correlation_id, call.principal, call.services))


def fetch_latest(call: Call) -> Reply:
    return Reply({"data": wallet_view(wallets.latest_wallet(_phone_number(call), call.principal, call.services))})


def fetch_all(call: Call) -> Reply:
    """Newest first; none is an empty list."""
    found = wallets.wallets_of(_phone_number(call), call.principal, call.services)
    return Reply({"data": [wallet_view(job) for job in found]})


def fetch_exists(call: Call) -> Reply:
    address = WalletPath.parse({"walletAddress": call.path["wallet_address"]}).wallet_address
    return Reply({"data": {"walletAddress": address, "exists": wallets.wallet_exists(address, call.services)}})


def _phone_number(call: Call) -> str:
    likeliest, *_ = readings(call.path["phone_number"])
    return PhonePath.parse({"phoneNumber": likeliest}).phone_number


ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        "/api/v2/admin/wallets/create",
        create_wallet,
        Right.COMMUNITY_ADMIN,
        "Create a wallet for a phone number, owned by the account that signs.",
        {201: IssuedView, 200: IssuedView},
        body=CreateWalletBody,
        errors=(CorrelationIdReused, NotConfigured, ChainUnavailable),
    ),
    Route(
        ("GET",),
        "/api/v2/admin/wallets/{phone_number}",
        fetch_latest,
        Right.COMMUNITY_ADMIN,
        "Fetch the newest wallet you made for a phone number.",
        {200: OneWallet},
        path_parameters=PhonePath,
        errors=(WalletNotFound,),
    ),
    Route(
        ("GET",),
        "/api/v2/admin/wallets/all/{phone_number}",
        fetch_all,
        Right.COMMUNITY_ADMIN,
        "List the wallets you made for a phone number, newest first.",
        {200: Wallets},
        path_parameters=PhonePath,
    ),
    Route(
        ("GET",),
        "/api/v2/admin/wallets/exists/{wallet_address}",
        fetch_exists,
        Right.COMMUNITY_ADMIN,
        "Tell whether a wallet was made here at this address.",
        {200: WalletExists},
        path_parameters=WalletPath,
    ),
)

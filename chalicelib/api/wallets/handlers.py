"""The routes of wallets: create one for a phone number, find it again."""

from chalicelib.admin import wallets
from chalicelib.api.http.reply import Reply
from chalicelib.api.http.request import Request
from chalicelib.api.jobs.issue import issued_reply
from chalicelib.api.wallets.bodies import CreateWalletBody, PhonePath, WalletPath
from chalicelib.api.wallets.views import wallet_view


def create_wallet(request: Request) -> Reply:
    body = CreateWalletBody.parse(request.body)
    body.require_network(request.services.network)
    return issued_reply(wallets.create_wallet(body.phone_number, body.correlation_id, request.principal, request.services))


def fetch_latest(request: Request) -> Reply:
    return Reply({"data": wallet_view(wallets.latest_wallet(_phone_number(request), request.principal, request.services))})


def fetch_all(request: Request) -> Reply:
    """List the wallets, newest first. The list may be empty."""
    found = wallets.wallets_of(_phone_number(request), request.principal, request.services)
    return Reply({"data": [wallet_view(job) for job in found]})


def fetch_exists(request: Request) -> Reply:
    address = WalletPath.parse({"walletAddress": request.path["wallet_address"]}).wallet_address
    return Reply({"data": {"walletAddress": address, "exists": wallets.wallet_exists(address, request.services)}})


def _phone_number(request: Request) -> str:
    return PhonePath.parse({"phoneNumber": request.path["phone_number"]}).phone_number

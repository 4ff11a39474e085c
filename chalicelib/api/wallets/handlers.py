"""The wallets resource of the Admin API: create one for a phone number, and find it again."""

from chalicelib.admin import wallets
from chalicelib.api.http.reply import Reply
from chalicelib.api.http.routing import Call
from chalicelib.api.jobs.issue import issued_reply
from chalicelib.api.wallets.bodies import CreateWalletBody, PhonePath, WalletPath
from chalicelib.api.wallets.views import wallet_view


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
    return PhonePath.parse({"phoneNumber": call.path["phone_number"]}).phone_number

"""The tokens resource of the Admin API: create, mint, burn, transfer from a wallet; look up."""

from chalicelib.admin import tokens
from chalicelib.admin.tokens import Burn, Mint, NewToken, Transfer
from chalicelib.api.http.pages import first_that_fit, room_of
from chalicelib.api.http.reply import Reply
from chalicelib.api.http.routing import Call
from chalicelib.api.jobs.issue import issued_reply
from chalicelib.api.tokens.bodies import BurnBody, CreateTokenBody, MintBody, OwnerPath, TokenPath, TransferBody
from chalicelib.api.tokens.views import made_token_view, token_view


def create_token(call: Call) -> Reply:
    body = CreateTokenBody.parse(call.body)
    body.require_network(call.services.network)
    new = NewToken(body.name, body.symbol, body.initial_supply, body.uri, body.expiry_timestamp, body.spendability_ids)
    return issued_reply(tokens.create_token(new, body.correlation_id, call.principal, call.services))


def mint(call: Call) -> Reply:
    body = MintBody.parse(call.body)
    body.require_network(call.services.network)
    details = Mint(body.token_address, body.amount, body.to_address)
    return issued_reply(tokens.mint(details, body.correlation_id, call.principal, call.services))


def burn(call: Call) -> Reply:
    body = BurnBody.parse(call.body)
    body.require_network(call.services.network)
    details = Burn(body.token_address, body.amount, body.wallet)
    return issued_reply(tokens.burn(details, body.correlation_id, call.principal, call.services))


def transfer(call: Call) -> Reply:
    body = TransferBody.parse(call.body)
    body.require_network(call.services.network)
    details = Transfer(body.token_address, body.amount, body.wallet, body.to)
    return issued_reply(tokens.transfer(details, body.correlation_id, call.principal, call.services))


def fetch_token(call: Call) -> Reply:
    address = TokenPath.parse({"tokenAddress": call.path["token_address"]}).token_address
    return Reply({"data": token_view(tokens.find_token(address, call.services), call.principal)})


def fetch_tokens_of_owner(call: Call) -> Reply:
    """Those that were made here by this account, newest first: a hundred at most, and as many as one reply holds."""
    owner = OwnerPath.parse({"ownerAddress": call.path["owner_address"]}).owner_address
    views = (made_token_view(made, call.principal) for made in tokens.tokens_of(owner, call.services))
    return Reply({"data": first_that_fit(views, room_of(call))})

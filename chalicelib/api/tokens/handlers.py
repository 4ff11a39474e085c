"""The routes of ERC-20 tokens: create, mint, burn, transfer from a wallet, look up."""

from chalicelib.admin import tokens
from chalicelib.admin.tokens import Burn, Mint, NewToken, Transfer
from chalicelib.api.http.pages import first_that_fit, room_of
from chalicelib.api.http.reply import Reply
from chalicelib.api.http.request import Request
from chalicelib.api.jobs.issue import issued_reply
from chalicelib.api.tokens.bodies import BurnBody, CreateTokenBody, MintBody, OwnerPath, TokenPath, TransferBody
from chalicelib.api.tokens.views import made_token_view, token_view


def create_token(request: Request) -> Reply:
    body = CreateTokenBody.parse(request.body)
    body.require_network(request.services.network)
    new = NewToken(body.name, body.symbol, body.initial_supply, body.uri, body.expiry_timestamp, body.spendability_ids)
    return issued_reply(tokens.create_token(new, body.correlation_id, request.principal, request.services))


def mint(request: Request) -> Reply:
    body = MintBody.parse(request.body)
    body.require_network(request.services.network)
    details = Mint(body.token_address, body.amount, body.to_address)
    return issued_reply(tokens.mint(details, body.correlation_id, request.principal, request.services))


def burn(request: Request) -> Reply:
    body = BurnBody.parse(request.body)
    body.require_network(request.services.network)
    details = Burn(body.token_address, body.amount, body.wallet)
    return issued_reply(tokens.burn(details, body.correlation_id, request.principal, request.services))


def transfer(request: Request) -> Reply:
    body = TransferBody.parse(request.body)
    body.require_network(request.services.network)
    details = Transfer(body.token_address, body.amount, body.wallet, body.to)
    return issued_reply(tokens.transfer(details, body.correlation_id, request.principal, request.services))


def fetch_token(request: Request) -> Reply:
    address = TokenPath.parse({"tokenAddress": request.path["token_address"]}).token_address
    return Reply({"data": token_view(tokens.find_token(address, request.services), request.principal)})


def fetch_tokens_of_owner(request: Request) -> Reply:
    """List what this account created here, newest first: a hundred at most, and as many as one reply holds."""
    owner = OwnerPath.parse({"ownerAddress": request.path["owner_address"]}).owner_address
    views = (made_token_view(made, request.principal) for made in tokens.tokens_of(owner, request.services))
    return Reply({"data": first_that_fit(views, room_of(request))})

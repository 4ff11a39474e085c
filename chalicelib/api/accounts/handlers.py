"""The accounts resource: the signing accounts, for administrators."""

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.admin import accounts
from chalicelib.admin.accounts import NewAccount
from chalicelib.api.accounts.bodies import AccountsQuery, CreateAccountBody, UnlockAccountBody
from chalicelib.api.accounts.views import account_view
from chalicelib.api.http.errors import invalid
from chalicelib.api.http.pages import first_that_fit, position_of, room_of, scope_of
from chalicelib.api.http.reply import Reply
from chalicelib.api.http.request import Request
from chalicelib.auth.jwt import issuer_token
from chalicelib.errors import InvalidCursor

if TYPE_CHECKING:
    from chalicelib.api.accounts.replies import Accounts, NewAccountView


def list_accounts(request: Request) -> Reply:
    """List the accounts, the oldest first, as many as one reply holds."""
    scope = scope_of(request, "accounts", {})
    position = position_of(request, AccountsQuery.parse(request.query).cursor, scope)
    found = accounts.list_accounts(request.services)
    if position is not None:
        ids = [account.account_id for account in found]
        if position["after"] not in ids:
            raise InvalidCursor
        found = found[ids.index(position["after"]) + 1 :]
    views = first_that_fit((account_view(account) for account in found), room_of(request))
    page: Accounts = {"accounts": views}
    if len(views) < len(found):
        page["nextCursor"] = request.services.cursors.write({"after": found[len(views) - 1].account_id}, scope)
    return Reply(page)


def create_account(request: Request) -> Reply:
    """Create an account. With `appName`, the reply has a JWT for its issuer, which the service does not keep.

    A stage that takes only the JWTs of an identity provider returns none: the provider issues it.
    """
    body = CreateAccountBody.parse(request.body)
    if body.allows_value and body.app_name is not None:
        raise invalid(
            [
                (
                    "allowsValue",
                    "This is for an account of a pool. The account of an application may send coins anyway: leave it out.",
                )
            ]
        )
    services = request.services
    settings = services.parts.settings
    keys = services.parts.token_keys.get() if settings.takes_secret_tokens else None  # read them before anything is created
    account = accounts.create_account(_new(body), services)
    created: NewAccountView = {"account": account_view(account)}
    if account.app_name is not None and keys is not None:
        created["jwt"] = issuer_token(keys, account, services.clock() + timedelta(days=settings.jwt_ttl_days))
    return Reply({"data": created}, 201)


def _new(body: CreateAccountBody) -> NewAccount:
    return NewAccount(body.role, body.bridge_type, body.description, body.app_name, body.allows_value)


def unlock_account(request: Request) -> Reply:
    body = UnlockAccountBody.parse(request.body)
    return Reply({"data": {"account": account_view(accounts.unlock_account(body.account_address, request.services))}})

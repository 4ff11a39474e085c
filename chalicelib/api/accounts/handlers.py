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
from chalicelib.api.http.routing import Call
from chalicelib.auth.jwt import issuer_token
from chalicelib.errors import InvalidCursor

if TYPE_CHECKING:
    from chalicelib.api.accounts.replies import Accounts, NewAccountView


def list_accounts(call: Call) -> Reply:
    """The oldest first, as many as one reply holds."""
    scope = scope_of(call, "accounts", {})
    position = position_of(call, AccountsQuery.parse(call.query).cursor, scope)
    found = accounts.list_accounts(call.services)
    if position is not None:
        ids = [account.account_id for account in found]
        if position["after"] not in ids:
            raise InvalidCursor
        found = found[ids.index(position["after"]) + 1 :]
    views = first_that_fit((account_view(account) for account in found), room_of(call))
    page: Accounts = {"accounts": views}
    if len(views) < len(found):
        page["nextCursor"] = call.services.cursors.write({"after": found[len(views) - 1].account_id}, scope)
    return Reply(page)


def create_account(call: Call) -> Reply:
    """With `appName`, its issuer's token comes back: this once, and it is kept nowhere. Where only the tokens of an identity
    provider are taken, the provider issues it.
    """
    body = CreateAccountBody.parse(call.body)
    if body.allows_value and body.app_name is not None:
        raise invalid([("allowsValue", "This is for an account of a pool: an application's own account sends coins anyway.")])
    services = call.services
    settings = services.parts.settings
    keys = services.parts.token_keys.get() if settings.takes_secret_tokens else None  # before anything is made
    account = accounts.create_account(_new(body), services)
    created: NewAccountView = {"account": account_view(account)}
    if account.app_name is not None and keys is not None:
        created["jwt"] = issuer_token(keys, account, services.clock() + timedelta(days=settings.jwt_ttl_days))
    return Reply({"data": created}, 201)


def _new(body: CreateAccountBody) -> NewAccount:
    return NewAccount(body.role, body.bridge_type, body.description, body.app_name, body.allows_value)


def unlock_account(call: Call) -> Reply:
    body = UnlockAccountBody.parse(call.body)
    return Reply({"data": {"account": account_view(accounts.unlock_account(body.account_address, call.services))}})

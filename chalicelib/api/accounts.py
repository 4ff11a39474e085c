"""The accounts resource: the signing accounts, for administrators."""

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from chalicelib.admin import accounts
from chalicelib.admin.accounts import NewAccount
from chalicelib.api.admin_bodies import BridgeType
from chalicelib.api.admin_views import account_view
from chalicelib.api.endpoint import Call
from chalicelib.api.errors import invalid
from chalicelib.api.fields import Address, Flag, Id, Text
from chalicelib.api.pages import first_that_fit, position_of, room_of, scope_of
from chalicelib.api.requests import Checked
from chalicelib.api.wire import Reply
from chalicelib.auth.jwt import issuer_token
from chalicelib.errors import InvalidCursor

if TYPE_CHECKING:
    from chalicelib.api.replies import Accounts, NewAccountView


class CreateAccountBody(Checked):
    role: Id = Field(description="The pool it signs for; with appName only a label")
    bridge_type: BridgeType
    description: Text | None = None
    app_name: Id | None = Field(default=None, description="The application whose issuer alone signs with it")
    allows_value: Flag = Field(
        default=False, description="Whether the issuers of its pool may send coins with it; not with appName"
    )


class UnlockAccountBody(Checked):
    account_address: Address
    bridge_type: BridgeType


class AccountsQuery(Checked):
    cursor: str | None = Field(default=None, description="the nextCursor of the page before")


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

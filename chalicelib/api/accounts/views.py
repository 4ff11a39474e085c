"""Accounts as replies show them."""

from __future__ import annotations  # as in `chalicelib.api.jobs.views`: the types are not imported to answer

from typing import TYPE_CHECKING, Any

from chalicelib.api.http.values import time_view

if TYPE_CHECKING:
    from chalicelib.api.accounts.replies import AccountView
    from chalicelib.jobs.model import Account


def account_view(account: Account) -> AccountView:
    """Return the account. Where its key is, is never shown."""
    optional: dict[str, Any] = {
        "role": account.role,
        "description": account.description,
        "appName": account.app_name,
        "nonce": account.next_nonce,
        "lockedBecause": account.paused,
        "createdAt": None if account.created_at is None else time_view(account.created_at),
    }
    view: AccountView = {
        "accountAddress": account.address,
        "bridgeType": account.bridge_type,
        "chainId": account.chain_id,
        "isLocked": account.paused is not None,
        "allowsValue": account.allows_value or not account.is_shared,
    }
    view.update({name: value for name, value in optional.items() if value is not None})  # type: ignore[typeddict-item]
    return view

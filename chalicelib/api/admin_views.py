"""Tokens, wallets and accounts in the HTTP contract's form."""

from __future__ import annotations  # as in `views`: the forms are not imported to answer

from typing import TYPE_CHECKING, Any

from chalicelib.api.views import time_view

if TYPE_CHECKING:
    from chalicelib.admin.tokens import KnownToken, MadeToken
    from chalicelib.api.replies import AccountView, MadeTokenView, TokenView, WalletView
    from chalicelib.jobs.model import Account, Job
    from chalicelib.jobs.principal import Principal


def token_view(known: KnownToken, reader: Principal) -> TokenView:
    token = known.token
    view: TokenView = {"tokenAddress": token.address, "totalSupply": str(token.total_supply)}
    if token.decimals is None:
        view["decimalsMissing"] = True
    else:
        view["decimals"] = token.decimals
    if token.name is not None:
        view["name"] = token.name
    if token.symbol is not None:
        view["symbol"] = token.symbol
    if token.owner is not None:
        view["owner"] = token.owner
    if token.uri:
        view["tokenURI"] = token.uri
    if known.made_by is not None:
        _add_kept(view, known.made_by, reader)
        view["blockNumber"] = known.made_by.result["blockNumber"]
        view["createdAt"] = time_view(known.made_by.created_at)
    return view


def made_token_view(made: MadeToken, reader: Principal) -> MadeTokenView:
    job = made.made_by
    view: MadeTokenView = {
        "tokenAddress": job.result["tokenAddress"],
        "name": job.data["name"],
        "symbol": job.data["symbol"],
        "initialSupplyInWei": job.data["initialSupplyInWei"],
        "blockNumber": job.result["blockNumber"],
        "createdAt": time_view(job.created_at),
    }
    if made.owner is not None:
        view["owner"] = made.owner
    if "tokenURI" in job.data:
        view["tokenURI"] = job.data["tokenURI"]
    _add_kept(view, job, reader)
    return view


def _add_kept(view: TokenView | MadeTokenView, job: Job, reader: Principal) -> None:
    """What is not on chain: shown to the issuer that made the token, and to administrators."""
    if not reader.may_see(job):
        return
    if "expiryTimestamp" in job.data:
        view["expiryTimestamp"] = job.data["expiryTimestamp"]
    if "spendabilityIdsArr" in job.data:
        view["spendabilityIdsArr"] = job.data["spendabilityIdsArr"]


def wallet_view(job: Job) -> WalletView:
    """Of the job that made it, for its issuer alone."""
    return {
        "walletAddress": job.result["walletAddress"],
        "owner": job.data["owner"],
        "phoneNumber": job.data["phoneNumber"],
        "salt": job.data["salt"],
        "blockNumber": job.result["blockNumber"],
        "createdAt": time_view(job.created_at),
        "jobId": job.job_id,
    }


def account_view(account: Account) -> AccountView:
    """Never where its key is."""
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

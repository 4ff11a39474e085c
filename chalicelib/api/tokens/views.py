"""ERC-20 tokens as replies show them."""

from __future__ import annotations  # as in `views`: the forms are not imported to answer

from typing import TYPE_CHECKING

from chalicelib.api.http.values import time_view

if TYPE_CHECKING:
    from chalicelib.admin.tokens import KnownToken, MadeToken
    from chalicelib.api.tokens.replies import MadeTokenView, TokenView
    from chalicelib.jobs.model import Job
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
    """Add what is not on chain. Only the issuer that created the ERC-20 token and administrators see it."""
    if not reader.may_see(job):
        return
    if "expiryTimestamp" in job.data:
        view["expiryTimestamp"] = job.data["expiryTimestamp"]
    if "spendabilityIdsArr" in job.data:
        view["spendabilityIdsArr"] = job.data["spendabilityIdsArr"]

"""Tokens, wallets and accounts in the HTTP contract's form."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from chalicelib.admin.tokens import KnownToken, MadeToken
from chalicelib.api.views import AddressText, HashText, JobIdText, TimeText, WeiText, time_view
from chalicelib.jobs.model import Account, Job


class TokenView(TypedDict):
    """A token as the chain tells it, and what was kept here when it was made here. Amounts in its smallest units."""

    tokenAddress: AddressText
    decimals: int
    totalSupply: WeiText
    name: NotRequired[str]
    symbol: NotRequired[str]
    owner: NotRequired[AddressText]
    tokenURI: NotRequired[str]
    expiryTimestamp: NotRequired[int]
    spendabilityIdsArr: NotRequired[list[str]]
    blockNumber: NotRequired[int]
    createdAt: NotRequired[TimeText]


class MadeTokenView(TypedDict):
    """A token that an account made here, as it was asked for; `owner` is who owns it now, where the chain tells."""

    tokenAddress: AddressText
    name: str
    symbol: str
    initialSupplyInWei: WeiText
    owner: NotRequired[AddressText]
    tokenURI: NotRequired[str]
    expiryTimestamp: NotRequired[int]
    spendabilityIdsArr: NotRequired[list[str]]
    blockNumber: int
    createdAt: TimeText


class WalletView(TypedDict):
    """A wallet of the issuer's; `owner` is the account that may make it act."""

    walletAddress: AddressText
    owner: AddressText
    phoneNumber: str
    salt: HashText
    blockNumber: int
    createdAt: TimeText
    jobId: JobIdText


class WalletExistsView(TypedDict):
    walletAddress: AddressText
    exists: bool


class AccountView(TypedDict):
    """A signing account. `nonce` is the next one this service will use; absent before the first transaction."""

    accountAddress: AddressText
    bridgeType: str
    chainId: int
    role: NotRequired[str]
    description: NotRequired[str]
    appName: NotRequired[str]
    nonce: NotRequired[int]
    isLocked: bool
    lockedBecause: NotRequired[str]
    createdAt: NotRequired[TimeText]


class OneToken(TypedDict):
    data: TokenView


class MadeTokens(TypedDict):
    data: list[MadeTokenView]


class OneWallet(TypedDict):
    data: WalletView


class Wallets(TypedDict):
    data: list[WalletView]


class WalletExists(TypedDict):
    data: WalletExistsView


class Accounts(TypedDict):
    accounts: list[AccountView]


class UnlockedAccount(TypedDict):
    account: AccountView


class NewAccountView(TypedDict):
    """`jwt` is shown this once, and kept nowhere."""

    account: AccountView
    jwt: NotRequired[str]


class OneAccount(TypedDict):
    data: UnlockedAccount


class CreatedAccount(TypedDict):
    data: NewAccountView


def token_view(known: KnownToken) -> TokenView:
    token = known.token
    view: TokenView = {"tokenAddress": token.address, "decimals": token.decimals, "totalSupply": str(token.total_supply)}
    if token.name is not None:
        view["name"] = token.name
    if token.symbol is not None:
        view["symbol"] = token.symbol
    if token.owner is not None:
        view["owner"] = token.owner
    if token.uri:
        view["tokenURI"] = token.uri
    if known.made_by is not None:
        _add_kept(view, known.made_by)
        view["blockNumber"] = known.made_by.result["blockNumber"]
        view["createdAt"] = time_view(known.made_by.created_at)
    return view


def made_token_view(made: MadeToken) -> MadeTokenView:
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
    _add_kept(view, job)
    return view


def _add_kept(view: TokenView | MadeTokenView, job: Job) -> None:
    """What is not on chain."""
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
    }
    view.update({name: value for name, value in optional.items() if value is not None})  # type: ignore[typeddict-item]
    return view

"""ERC-20 tokens: create, mint, burn, transfer from a wallet, look up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.admin.amounts import in_tokens, in_units, positive_units
from chalicelib.admin.issue import is_account_idle, issue_once, signing_account
from chalicelib.admin.ports import AdminPorts, Token
from chalicelib.errors import (
    BalanceTooLow,
    InvalidRequest,
    NotAToken,
    NotTokenOwner,
    NotYourWallet,
    TokenNotFound,
    TransferNotMade,
)
from chalicelib.jobs.accounts import own_account
from chalicelib.jobs.custody import may_use, require_own_contracts
from chalicelib.jobs.issue import Issued, NewJob
from chalicelib.jobs.model import Account, Job, TransactionRequest
from chalicelib.jobs.ports import Call, Revert
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.results import ADMIN_TRANSFER, BURN, CREATE_TOKEN, MINT

TRANSFER = "transfer"
"""The function that a job named adminTransfer calls."""
DECIMALS = 18
"""Decimals of every token that the factory creates."""
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to create. `initial_supply` is in tokens, `expires_at` in seconds since 1970.

    The job keeps `expires_at` and `spendability_ids`. They are not on chain.
    """

    name: str
    symbol: str
    initial_supply: str = "0"
    uri: str | None = None
    expires_at: int | None = None
    spendability_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mint:
    """`amount` is in tokens; `to` None means the signing account."""

    token: str
    amount: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Burn:
    """`amount` is in tokens. They are the wallet's, or the signing account's where `wallet` is None."""

    token: str
    amount: str
    wallet: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` is in tokens, from a wallet of the issuer to any address."""

    token: str
    amount: str
    wallet: str
    to: str


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token as the chain tells it, and the job that created it, if this service created it."""

    token: Token
    made_by: Job | None


@dataclass(frozen=True, slots=True)
class MadeToken:
    """The job that created a token, and the token's owner now; None where the contract tells no owner."""

    made_by: Job
    owner: str | None


# --- jobs --------------------------------------------------------------------------------------------------------------


def create_token(token: NewToken, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """Issue a job that creates an ERC-20 token. The signing account owns it and gets the initial supply."""
    supply = in_units(token.initial_supply, DECIMALS, "initialSupply")
    described = {
        "name": token.name,
        "symbol": token.symbol,
        "initialSupplyInWei": str(supply),
        "tokenURI": token.uri,
        "expiryTimestamp": token.expires_at,
        "spendabilityIdsArr": list(token.spendability_ids) or None,
    }
    data = {name: value for name, value in described.items() if value is not None}

    def prepare(_job_id: str) -> NewJob:
        factory = ports.token_factory
        account = signing_account(principal, ports)
        call = ports.call_data.create_token(token.name, token.symbol, supply, token.uri or "")
        transaction = TransactionRequest(factory, data=call)
        return NewJob(CREATE_TOKEN, ports.network, account, transaction, data, account.address, correlation_id)

    return issue_once(CREATE_TOKEN, data, correlation_id, principal, prepare=prepare, ports=ports)


def mint(details: Mint, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """Issue a job that mints. The token's owner signs, if it is one of the principal's accounts, else the default account.

    Raises NotAToken, NotTokenOwner, NotYourContract, TransferNotMade and InvalidRequest.
    """

    def prepare(_job_id: str) -> NewJob:
        token = _token(details.token, ports)
        units = _units(details.amount, token)
        account = own_account(token.owner, principal, ports.chain_id, ports)
        account = account or signing_account(principal, ports)
        receiver = details.to or account.address
        data = {**_about(token, units), "toAddress": receiver}
        transaction = TransactionRequest(token.address, data=ports.call_data.mint(receiver, units))
        new = NewJob(MINT, ports.network, account, transaction, data, correlation_id=correlation_id)
        _require_usable(token, MINT, account, principal, ports)
        if token.owner not in (None, account.address):
            problem = f"The account {account.address} cannot mint: the owner of the token {token.address} is {token.owner}."
            _refuse_if_certain(NotTokenOwner(problem), new, ports)
        return new

    asked = {"tokenAddress": details.token, "amount": _canonical(details.amount), "toAddress": details.to}
    return issue_once(MINT, asked, correlation_id, principal, prepare=prepare, ports=ports)


def burn(details: Burn, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """Issue a job that burns tokens of the signing account, or of a wallet of the issuer.

    Raises NotAToken, NotYourWallet, BalanceTooLow, NotYourContract, TransferNotMade and InvalidRequest.
    """

    def prepare(_job_id: str) -> NewJob:
        account = _wallets_account(details.wallet, principal, ports) if details.wallet else signing_account(principal, ports)
        holder = details.wallet or account.address
        token = _token(details.token, ports, holder)
        _require_usable(token, BURN, account, principal, ports)
        units = _units(details.amount, token)
        data = {**_about(token, units), "from": holder}
        transaction = _from_holder(details.wallet, token.address, ports.call_data.burn(units), ports)
        new = NewJob(BURN, ports.network, account, transaction, data, correlation_id=correlation_id)
        _refuse_overdraft(token, holder, units, new, ports)
        return new

    asked = {"tokenAddress": details.token, "amount": _canonical(details.amount), "from": details.wallet}
    return issue_once(BURN, asked, correlation_id, principal, prepare=prepare, ports=ports)


def transfer(details: Transfer, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """A job that makes a wallet of the issuer's transfer tokens."""

    def prepare(_job_id: str) -> NewJob:
        account = _wallets_account(details.wallet, principal, ports)
        token = _token(details.token, ports, details.wallet)
        _require_usable(token, TRANSFER, account, principal, ports)
        units = _units(details.amount, token)
        data = {**_about(token, units), "wallet": details.wallet, "to": details.to}
        transaction = _from_holder(details.wallet, token.address, ports.call_data.transfer(details.to, units), ports)
        new = NewJob(ADMIN_TRANSFER, ports.network, account, transaction, data, correlation_id=correlation_id)
        _refuse_overdraft(token, details.wallet, units, new, ports)
        _refuse_what_returns_false(token, new, ports)
        return new

    asked = {"tokenAddress": details.token, "amount": _canonical(details.amount), "from": details.wallet, "to": details.to}
    return issue_once(ADMIN_TRANSFER, asked, correlation_id, principal, prepare=prepare, ports=ports)


# --- look-ups ----------------------------------------------------------------------------------------------------------


def find_token(address: str, ports: AdminPorts) -> KnownToken:
    """Return any ERC-20 of the chain, with its job if this service created it. Raises TokenNotFound."""
    token = ports.contracts.token(address)
    if token is None:
        raise TokenNotFound(address)
    made = ports.jobs.find_by_creation(address, CREATE_TOKEN, 1)
    return KnownToken(token, next(iter(made), None))


def tokens_of(owner: str, ports: AdminPorts) -> Sequence[MadeToken]:
    """Return up to a hundred tokens that this account created, newest first, with the owner of each now."""
    jobs = ports.jobs.find_by_subject(CREATE_TOKEN, owner, MOST_LISTED)
    made = {job.creation: job for job in jobs if job.creation is not None}
    owners = ports.contracts.owners(list(made)) if made else {}
    return [MadeToken(job, owners[address]) for address, job in made.items()]


# --- pre-flight --------------------------------------------------------------------------------------------------------


def _token(address: str, ports: AdminPorts, *holders: str) -> Token:
    """Read a token with the balances of `holders`. Raises NotAToken."""
    token = ports.contracts.token(address, holders)
    if token is None:
        raise NotAToken(f"There is no ERC-20 token at {address}: it is not a contract, or another kind of contract.")
    return token


def _units(amount: str, token: Token) -> int:
    """Return `amount` in the token's smallest units. A token without decimals has no others. Raises InvalidRequest."""
    if token.decimals is None and "." in amount:
        problem = "The token tells no decimals: its amounts are whole numbers of its smallest units."
        raise InvalidRequest(f"amount: {problem}", [{"field": "amount", "error": problem}])
    return positive_units(amount, token.decimals or 0)


def _about(token: Token, units: int) -> dict[str, Any]:
    """Return the public data of every job about an amount of a token."""
    data: dict[str, Any] = {"tokenAddress": token.address, "amount": str(units)}
    return {**data, "decimalsMissing": True} if token.decimals is None else data


def _require_usable(token: Token, function: str, account: Account, principal: Principal, ports: AdminPorts) -> None:
    """Raise NotYourContract when a shared account would call another issuer's token.

    Raise TransferNotMade when the token certainly has no such function.
    """
    require_own_contracts([token.address], principal.owner, account, jobs=ports.jobs, by_admin=principal.is_admin)
    if function in token.lacks:
        raise TransferNotMade(f"The contract {token.address} has no function {function}: the job would have no effect.")


def _refuse_what_returns_false(token: Token, new: NewJob, ports: AdminPorts) -> None:
    """Raise TransferNotMade when the transfer returns false, as some tokens do where others revert.

    Do not raise it while the account has an open job, which could change that.
    """
    if ports.contracts.refuses(Call.of(new.account.address, new.transaction)) and is_account_idle(new.account, ports):
        raise TransferNotMade(f"The token {token.address} refuses the transfer: its function transfer returns false.")


def _wallets_account(wallet: str, principal: Principal, ports: AdminPorts) -> Account:
    """Return the account that owns the wallet: only it can make the wallet call anything.

    Raises NotYourWallet unless it is one of the principal's accounts. A wallet of a shared account belongs to the issuer whose
    job created it.
    """
    owner = ports.contracts.wallet_owner(wallet)
    account = own_account(owner, principal, ports.chain_id, ports)
    if account is None or not may_use(wallet, principal, account, jobs=ports.jobs):
        raise NotYourWallet(f"{wallet} is not a wallet of yours.", [{"field": "from", "error": "It is not a wallet of yours."}])
    return account


def _from_holder(wallet: str | None, token: str, call: bytes, ports: AdminPorts) -> TransactionRequest:
    """Return the transaction that makes the wallet call the token; without a wallet the account calls it itself."""
    if wallet is None:
        return TransactionRequest(token, data=call)
    return TransactionRequest(wallet, data=ports.call_data.wallet_execute(token, 0, call))


def _refuse_overdraft(token: Token, holder: str, units: int, new: NewJob, ports: AdminPorts) -> None:
    balance = token.balances[holder]
    if balance < units:
        has, asks = in_tokens(balance, token.decimals or 0), in_tokens(units, token.decimals or 0)
        problem = BalanceTooLow(f"{holder} has {has} of the token {token.address}, less than the {asks} asked for.")
        _refuse_if_certain(problem, new, ports)


def _refuse_if_certain(problem: InvalidRequest, new: NewJob, ports: AdminPorts) -> None:
    """Raise `problem` if it is certain. Otherwise the job is issued, and its estimate decides.

    It is not certain while the account has an open job, which could solve it. Then the node decides, by an estimate made after
    that check: a token may have other rules than usual (minters besides its owner), and what was read before may be older than
    the account's last transaction.
    """
    account = new.account
    if not is_account_idle(account, ports):
        return
    if isinstance(ports.chain.estimate([Call.of(account.address, new.transaction)])[0], Revert):
        raise problem


def _canonical(amount: str) -> str:
    """Return the same form for 1, 1.0 and 1.00."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount

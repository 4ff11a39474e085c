"""ERC-20 tokens: create, mint, burn, transfer from a wallet, look up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.admin.amounts import in_tokens, in_units, positive_units
from chalicelib.admin.issue import Operation, is_account_idle, issue_operation, signing_account
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
from chalicelib.jobs.issue import Issued, Prepared
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


def create_token(new: NewToken, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """Issue a job that creates an ERC-20. The signing account owns it and gets the initial supply."""
    supply = in_units(new.initial_supply, DECIMALS, "initialSupply")
    described = {
        "name": new.name,
        "symbol": new.symbol,
        "initialSupplyInWei": str(supply),
        "tokenURI": new.uri,
        "expiryTimestamp": new.expires_at,
        "spendabilityIdsArr": list(new.spendability_ids) or None,
    }
    data = {name: value for name, value in described.items() if value is not None}

    def prepare(_job_id: str) -> Prepared:
        factory = ports.token_factory
        account = signing_account(principal, ports)
        call = ports.call_data.create_token(new.name, new.symbol, supply, new.uri or "")
        return Prepared(account, TransactionRequest(factory, data=call), data, subject=account.address)

    return issue_operation(Operation(CREATE_TOKEN, data, correlation_id), principal, prepare, ports)


def mint(request: Mint, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """Issue a job that mints. The token's owner signs, if it is one of the principal's accounts, else the default account.

    Raises NotAToken, NotTokenOwner, NotYourContract, TransferNotMade and InvalidRequest.
    """

    def prepare(_job_id: str) -> Prepared:
        token = _token(request.token, ports)
        units = _units(request.amount, token)
        account = own_account(token.owner, principal, ports.chain_id, accounts=ports.accounts)
        account = account or signing_account(principal, ports)
        receiver = request.to or account.address
        data = {**_about(token, units), "toAddress": receiver}
        prepared = Prepared(account, TransactionRequest(token.address, data=ports.call_data.mint(receiver, units)), data)
        _require_usable(token, MINT, account, principal, ports)
        if token.owner not in (None, account.address):
            problem = f"The account {account.address} cannot mint: the owner of the token {token.address} is {token.owner}."
            _refuse_if_certain(NotTokenOwner(problem), prepared, ports)
        return prepared

    parameters = {"tokenAddress": request.token, "amount": _canonical(request.amount), "toAddress": request.to}
    return issue_operation(Operation(MINT, parameters, correlation_id), principal, prepare, ports)


def burn(request: Burn, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """Issue a job that burns tokens of the signing account, or of a wallet of the issuer.

    Raises NotAToken, NotYourWallet, BalanceTooLow, NotYourContract, TransferNotMade and InvalidRequest.
    """

    def prepare(_job_id: str) -> Prepared:
        account = _wallets_account(request.wallet, principal, ports) if request.wallet else signing_account(principal, ports)
        holder = request.wallet or account.address
        token = _token(request.token, ports, holder)
        _require_usable(token, BURN, account, principal, ports)
        units = _units(request.amount, token)
        data = {**_about(token, units), "from": holder}
        prepared = Prepared(account, _from_holder(request.wallet, token.address, ports.call_data.burn(units), ports), data)
        _refuse_overdraft(token, holder, units, prepared, ports)
        return prepared

    parameters = {"tokenAddress": request.token, "amount": _canonical(request.amount), "from": request.wallet}
    return issue_operation(Operation(BURN, parameters, correlation_id), principal, prepare, ports)


def transfer(request: Transfer, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """Issue a job that makes a wallet of the issuer transfer tokens. Raises as `burn` does."""

    def prepare(_job_id: str) -> Prepared:
        account = _wallets_account(request.wallet, principal, ports)
        token = _token(request.token, ports, request.wallet)
        _require_usable(token, TRANSFER, account, principal, ports)
        units = _units(request.amount, token)
        data = {**_about(token, units), "wallet": request.wallet, "to": request.to}
        call = ports.call_data.transfer(request.to, units)
        prepared = Prepared(account, _from_holder(request.wallet, token.address, call, ports), data)
        _refuse_overdraft(token, request.wallet, units, prepared, ports)
        _refuse_what_returns_false(token, prepared, ports)
        return prepared

    parameters = {"tokenAddress": request.token, "amount": _canonical(request.amount), "from": request.wallet, "to": request.to}
    return issue_operation(Operation(ADMIN_TRANSFER, parameters, correlation_id), principal, prepare, ports)


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


def _refuse_what_returns_false(token: Token, prepared: Prepared, ports: AdminPorts) -> None:
    """Raise TransferNotMade when the transfer returns false, as some tokens do where others revert.

    Do not raise it while the account has an open job, which could change that.
    """
    call = Call.of(prepared.account.address, prepared.transaction)
    if ports.contracts.refuses(call) and is_account_idle(prepared.account, ports):
        raise TransferNotMade(f"The token {token.address} refuses the transfer: its function transfer returns false.")


def _wallets_account(wallet: str, principal: Principal, ports: AdminPorts) -> Account:
    """Return the account that owns the wallet: only it can make the wallet call anything.

    Raises NotYourWallet unless it is one of the principal's accounts. A wallet of a shared account belongs to the issuer whose
    job created it.
    """
    owner = ports.contracts.wallet_owner(wallet)
    account = own_account(owner, principal, ports.chain_id, accounts=ports.accounts)
    if account is None or not may_use(wallet, principal, account, jobs=ports.jobs):
        raise NotYourWallet(f"{wallet} is not a wallet of yours.", [{"field": "from", "error": "It is not a wallet of yours."}])
    return account


def _from_holder(wallet: str | None, token: str, call: bytes, ports: AdminPorts) -> TransactionRequest:
    """Return the transaction that makes the wallet call the token; without a wallet the account calls it itself."""
    if wallet is None:
        return TransactionRequest(token, data=call)
    return TransactionRequest(wallet, data=ports.call_data.wallet_execute(token, 0, call))


def _refuse_overdraft(token: Token, holder: str, units: int, prepared: Prepared, ports: AdminPorts) -> None:
    balance = token.balances[holder]
    if balance < units:
        has, asks = in_tokens(balance, token.decimals or 0), in_tokens(units, token.decimals or 0)
        problem = BalanceTooLow(f"{holder} has {has} of the token {token.address}, less than the {asks} asked for.")
        _refuse_if_certain(problem, prepared, ports)


def _refuse_if_certain(problem: InvalidRequest, prepared: Prepared, ports: AdminPorts) -> None:
    """Raise `problem` if it is certain. Otherwise the job is issued, and its estimate decides.

    It is not certain while the account has an open job, which could solve it. Then the node decides, by an estimate made after
    that check: a token may have other rules than usual (minters besides its owner), and what was read before may be older than
    the account's last transaction.
    """
    account = prepared.account
    if not is_account_idle(account, ports):
        return
    if isinstance(ports.chain.estimate([Call.of(account.address, prepared.transaction)])[0], Revert):
        raise problem


def _canonical(amount: str) -> str:
    """Return the same form for 1, 1.0 and 1.00."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount

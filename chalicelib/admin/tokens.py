"""Tokens: create, mint, burn, transfer from a wallet; look up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.admin.amounts import in_tokens, in_units, positive_units
from chalicelib.admin.issue import Order, issue_order, signing_account, stands_still
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
"""The function that an adminTransfer calls."""
DECIMALS = 18
"""Of every token the factory makes."""
LISTED = 100


@dataclass(frozen=True, slots=True)
class NewToken:
    """`initial_supply` is in tokens. When it expires and what it may be spent on are kept here, not on chain."""

    name: str
    symbol: str
    initial_supply: str = "0"
    uri: str | None = None
    expires_at: int | None = None
    spendability_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mint:
    """`amount` in tokens; `to` None means the signing account."""

    token: str
    amount: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Burn:
    """`amount` in tokens, of the signing account's or of a wallet's."""

    token: str
    amount: str
    wallet: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` in tokens, from a wallet of the issuer's to any address."""

    token: str
    amount: str
    wallet: str
    to: str


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token as the chain tells it, and the job that made it, if it was made here."""

    token: Token
    made_by: Job | None


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token that was made here, and who owns it now (None: the chain tells no owner)."""

    made_by: Job
    owner: str | None


# --- jobs --------------------------------------------------------------------------------------------------------------


def create_token(new: NewToken, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """A job that makes an ERC-20 owned by the signing account, which gets the initial supply."""
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
        call = ports.calls.create_token(new.name, new.symbol, supply, new.uri or "")
        return Prepared(account, TransactionRequest(factory, data=call), data, subject=account.address)

    return issue_order(Order(CREATE_TOKEN, data, correlation_id), principal, prepare, ports)


def mint(wish: Mint, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """A job that mints, signed by the token's owner where that is one of the principal's accounts."""

    def prepare(_job_id: str) -> Prepared:
        token = _token(wish.token, ports)
        units = _units(wish.amount, token)
        account = own_account(token.owner, principal, ports.chain_id, ports)
        account = account or signing_account(principal, ports)
        receiver = wish.to or account.address
        data = {**_about(token, units), "toAddress": receiver}
        prepared = Prepared(account, TransactionRequest(token.address, data=ports.calls.mint(receiver, units)), data)
        _require_usable(token, MINT, account, principal, ports)
        if token.owner not in (None, account.address):
            problem = f"The account {account.address} cannot mint: the owner of the token {token.address} is {token.owner}."
            _refuse_if_certain(NotTokenOwner(problem), prepared, ports)
        return prepared

    asked = {"tokenAddress": wish.token, "amount": _canonical(wish.amount), "toAddress": wish.to}
    return issue_order(Order(MINT, asked, correlation_id), principal, prepare, ports)


def burn(wish: Burn, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """A job that burns what the signing account holds, or a wallet of the issuer's."""

    def prepare(_job_id: str) -> Prepared:
        account = _wallets_account(wish.wallet, principal, ports) if wish.wallet else signing_account(principal, ports)
        holder = wish.wallet or account.address
        token = _token(wish.token, ports, holder)
        _require_usable(token, BURN, account, principal, ports)
        units = _units(wish.amount, token)
        data = {**_about(token, units), "from": holder}
        prepared = Prepared(account, _from_holder(wish.wallet, token.address, ports.calls.burn(units), ports), data)
        _refuse_overdraft(token, holder, units, prepared, ports)
        return prepared

    asked = {"tokenAddress": wish.token, "amount": _canonical(wish.amount), "from": wish.wallet}
    return issue_order(Order(BURN, asked, correlation_id), principal, prepare, ports)


def transfer(wish: Transfer, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """A job that makes a wallet of the issuer's transfer tokens."""

    def prepare(_job_id: str) -> Prepared:
        account = _wallets_account(wish.wallet, principal, ports)
        token = _token(wish.token, ports, wish.wallet)
        _require_usable(token, TRANSFER, account, principal, ports)
        units = _units(wish.amount, token)
        data = {**_about(token, units), "wallet": wish.wallet, "to": wish.to}
        call = ports.calls.transfer(wish.to, units)
        prepared = Prepared(account, _from_holder(wish.wallet, token.address, call, ports), data)
        _refuse_overdraft(token, wish.wallet, units, prepared, ports)
        _refuse_what_returns_false(token, prepared, ports)
        return prepared

    asked = {"tokenAddress": wish.token, "amount": _canonical(wish.amount), "from": wish.wallet, "to": wish.to}
    return issue_order(Order(ADMIN_TRANSFER, asked, correlation_id), principal, prepare, ports)


# --- look-ups ----------------------------------------------------------------------------------------------------------


def find_token(address: str, ports: AdminPorts) -> KnownToken:
    """Any ERC-20 of the chain; with what is kept here of those made here. Raises TokenNotFound."""
    token = ports.ledger.token(address)
    if token is None:
        raise TokenNotFound(address)
    made = ports.jobs.find_by_creation(address, CREATE_TOKEN, 1)
    return KnownToken(token, next(iter(made), None))


def tokens_of(owner: str, ports: AdminPorts) -> Sequence[MadeToken]:
    """The newest hundred tokens that this account made here, newest first, and who owns each now."""
    jobs = ports.jobs.find_by_subject(CREATE_TOKEN, owner, LISTED)
    made = {job.creation: job for job in jobs if job.creation is not None}
    owners = ports.ledger.owners(list(made)) if made else {}
    return [MadeToken(job, owners[address]) for address, job in made.items()]


# --- pre-flight --------------------------------------------------------------------------------------------------------


def _token(address: str, ports: AdminPorts, *holders: str) -> Token:
    token = ports.ledger.token(address, holders)
    if token is None:
        raise NotAToken(f"There is no ERC-20 token at {address}: it is not a contract, or one of another kind.")
    return token


def _units(amount: str, token: Token) -> int:
    """`amount` in the token's smallest units. Without decimals it is in these already. Raises InvalidRequest."""
    if token.decimals is None and "." in amount:
        problem = "The token tells no decimals: its amounts are whole numbers of its smallest units."
        raise InvalidRequest(f"amount: {problem}", [{"field": "amount", "error": problem}])
    return positive_units(amount, token.decimals or 0)


def _about(token: Token, units: int) -> dict[str, Any]:
    """What every job about an amount of a token tells."""
    data: dict[str, Any] = {"tokenAddress": token.address, "amount": str(units)}
    return {**data, "decimalsMissing": True} if token.decimals is None else data


def _require_usable(token: Token, function: str, account: Account, principal: Principal, ports: AdminPorts) -> None:
    """Raises NotYourContract on a shared account for another issuer's token, TransferNotMade where the function is missing."""
    require_own_contracts([token.address], principal.owner, account, jobs=ports.jobs, by_admin=principal.is_admin)
    if function in token.lacks:
        raise TransferNotMade(f"The contract {token.address} has no function {function}: nothing would come of it.")


def _refuse_what_returns_false(token: Token, prepared: Prepared, ports: AdminPorts) -> None:
    """Some tokens return false where others revert. Raises TransferNotMade, unless something on its way could change that."""
    if ports.ledger.refuses(Call.of(prepared.account.address, prepared.transaction)) and stands_still(prepared.account, ports):
        raise TransferNotMade(f"The token {token.address} refuses the transfer: its function transfer returns false.")


def _wallets_account(wallet: str, principal: Principal, ports: AdminPorts) -> Account:
    """The account that owns the wallet, if it is one of the issuer's: no other can make the wallet act.

    A shared account's wallet is only the issuer's whose job created it.
    """
    owner = ports.ledger.wallet_owner(wallet)
    account = own_account(owner, principal, ports.chain_id, ports)
    if account is None or not may_use(wallet, principal, account, jobs=ports.jobs):
        raise NotYourWallet(f"{wallet} is not a wallet of yours.", [{"field": "from", "error": "It is not a wallet of yours."}])
    return account


def _from_holder(wallet: str | None, token: str, call: bytes, ports: AdminPorts) -> TransactionRequest:
    """The call sent by the account itself, or by its wallet."""
    if wallet is None:
        return TransactionRequest(token, data=call)
    return TransactionRequest(wallet, data=ports.calls.wallet_execute(token, 0, call))


def _refuse_overdraft(token: Token, holder: str, units: int, prepared: Prepared, ports: AdminPorts) -> None:
    balance = token.balances[holder]
    if balance < units:
        has, asks = in_tokens(balance, token.decimals or 0), in_tokens(units, token.decimals or 0)
        problem = BalanceTooLow(f"{holder} has {has} of the token {token.address}, less than the {asks} asked for.")
        _refuse_if_certain(problem, prepared, ports)


def _refuse_if_certain(problem: InvalidRequest, prepared: Prepared, ports: AdminPorts) -> None:
    """Raise `problem` unless something that is on its way could solve it: then the job is taken, and its estimate decides.

    The node has the last word, asked after it is known that nothing of the account's is open: a token may have other rules than
    the usual ones (minters beside its owner), and what was read before may be older than the account's last transaction.
    """
    account = prepared.account
    if not stands_still(account, ports):
        return
    if isinstance(ports.chain.estimate([Call.of(account.address, prepared.transaction)])[0], Revert):
        raise problem


def _canonical(amount: str) -> str:
    """1, 1.0 and 1.00 are one amount."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount

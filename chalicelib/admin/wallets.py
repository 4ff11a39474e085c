"""Wallets for phone numbers: create one, find them again. The job that made a wallet is its record.

A phone number is personal data. It stands in the job's data, which only its issuer is shown; it is found by a keyed hash that
differs from issuer to issuer, and nothing on chain is derived from it.
"""

import hashlib
import hmac
from collections.abc import Sequence

from chalicelib.admin.issue import issue_once, signing_account
from chalicelib.admin.ports import AdminPorts
from chalicelib.errors import WalletNotFound
from chalicelib.jobs.issue import Issued, NewJob
from chalicelib.jobs.model import Job, TransactionRequest
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.results import CREATE_WALLET

LISTED = 100


def create_wallet(phone_number: str, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """A job that makes a wallet of the signing account's for this number (E.164). Each job is one wallet, however often it is
    tried: its address follows from the owner and the salt, and the salt from the job's id.
    """

    def prepare(job_id: str) -> NewJob:
        factory = ports.wallet_factory
        account = signing_account(principal, ports)
        salt = salt_of(job_id, ports.phone_key())
        call = ports.calls.create_wallet(account.address, salt)
        data = {"owner": account.address, "phoneNumber": phone_number, "salt": f"0x{salt.hex()}"}
        transaction, subject = TransactionRequest(factory, data=call), _subject(phone_number, principal, ports)
        return NewJob(CREATE_WALLET, ports.network, account, transaction, data, subject, correlation_id)

    return issue_once(CREATE_WALLET, {"phoneNumber": phone_number}, correlation_id, principal, prepare=prepare, ports=ports)


def salt_of(job_id: str, key: bytes) -> bytes:
    """32 bytes that nobody can work out before they are on chain: who knows them can make the wallet before the job does.

    Of the job's id alone: no salt tells anything of the number, even to who has the key. What the key hashes beside salts has a
    NUL in it, which no job's id has.
    """
    return hmac.digest(key, f"jobs-api wallet {job_id}".encode(), "sha256")


def wallets_of(phone_number: str, principal: Principal, ports: AdminPorts) -> Sequence[Job]:
    """The jobs of the issuer's wallets for this number that are mined, newest first, at most a hundred."""
    return _made(phone_number, LISTED, principal, ports)


def latest_wallet(phone_number: str, principal: Principal, ports: AdminPorts) -> Job:
    """The job of the newest of them. Raises WalletNotFound."""
    wallets = _made(phone_number, 1, principal, ports)
    if not wallets:
        raise WalletNotFound
    return wallets[0]


def wallet_exists(address: str, ports: AdminPorts) -> bool:
    """Whether a wallet at this address was made here, for whomever: that much the chain tells everybody."""
    return bool(ports.jobs.find_by_creation(address, CREATE_WALLET, 1))


def _made(phone_number: str, limit: int, principal: Principal, ports: AdminPorts) -> Sequence[Job]:
    subject = _subject(phone_number, principal, ports)
    return ports.jobs.find_by_subject(CREATE_WALLET, subject, limit, owner=principal.owner)


def _subject(phone_number: str, principal: Principal, ports: AdminPorts) -> str:
    message = f"{principal.owner}\0{phone_number}".encode()
    return hmac.new(ports.phone_key(), message, hashlib.sha256).hexdigest()

"""Wallets for phone numbers: create one, and find them again. The job that created a wallet is its record.

A phone number is personal data. It is in the job's data, which only the job's issuer can read. It is found by a keyed hash that
differs from issuer to issuer. Nothing on chain is derived from it.
"""

import hashlib
import hmac
from collections.abc import Sequence

from chalicelib.admin.issue import Operation, issue_operation, signing_account
from chalicelib.admin.ports import AdminPorts
from chalicelib.errors import WalletNotFound
from chalicelib.jobs.issue import Issued, Prepared
from chalicelib.jobs.model import Job, TransactionRequest
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.results import CREATE_WALLET

MOST_LISTED = 100


def create_wallet(phone_number: str, correlation_id: str | None, principal: Principal, ports: AdminPorts) -> Issued:
    """Issue a job that creates a wallet for this phone number (E.164). The signing account owns it.

    A job creates one wallet, however often it is retried: the address follows from owner and salt, and the salt from the job's
    id.
    """

    def prepare(job_id: str) -> Prepared:
        factory = ports.wallet_factory
        account = signing_account(principal, ports)
        salt = salt_of(job_id, ports.phone_key())
        call = ports.call_data.create_wallet(account.address, salt)
        data = {"owner": account.address, "phoneNumber": phone_number, "salt": f"0x{salt.hex()}"}
        return Prepared(account, TransactionRequest(factory, data=call), data, subject=_subject(phone_number, principal, ports))

    parameters = {"phoneNumber": phone_number}
    return issue_operation(Operation(CREATE_WALLET, parameters, correlation_id), principal, prepare, ports)


def salt_of(job_id: str, key: bytes) -> bytes:
    """Return 32 bytes that nobody can compute before they are on chain. With them, anybody could create the wallet first.

    They depend on the key and the job's id only, so a salt tells nothing about the phone number. The other hashes with this key
    are over texts with a NUL, which a job's id cannot contain.
    """
    return hmac.digest(key, f"jobs-api wallet {job_id}".encode(), "sha256")


def wallets_of(phone_number: str, principal: Principal, ports: AdminPorts) -> Sequence[Job]:
    """Return the jobs of the issuer's mined wallets for this number, newest first, at most a hundred."""
    return _made(phone_number, MOST_LISTED, principal, ports)


def latest_wallet(phone_number: str, principal: Principal, ports: AdminPorts) -> Job:
    """Return the job of the issuer's newest wallet for this number. Raises WalletNotFound."""
    wallets = _made(phone_number, 1, principal, ports)
    if not wallets:
        raise WalletNotFound
    return wallets[0]


def wallet_exists(address: str, ports: AdminPorts) -> bool:
    """Return whether this service created a wallet at this address, for any issuer. The chain tells that to everybody."""
    return bool(ports.jobs.find_by_creation(address, CREATE_WALLET, 1))


def _made(phone_number: str, limit: int, principal: Principal, ports: AdminPorts) -> Sequence[Job]:
    subject = _subject(phone_number, principal, ports)
    return ports.jobs.find_by_subject(CREATE_WALLET, subject, limit, owner=principal.owner)


def _subject(phone_number: str, principal: Principal, ports: AdminPorts) -> str:
    """Return the keyed hash by which the issuer's wallets for this number are found."""

    message = f"{principal.owner}\0{phone_number}".encode()
    return hmac.new(ports.phone_key(), message, hashlib.sha256).hexdigest()

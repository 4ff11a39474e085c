"""What every kind of key needs: the protocol that the registry expects, and signing several transactions in order."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from chalicelib.chain.signing.transactions import SignedBytes
from chalicelib.errors import JobsApiError
from chalicelib.jobs.model import Account, UnsignedTransaction
from chalicelib.jobs.ports import Signer


@dataclass(frozen=True, slots=True)
class Resources:
    """What a key service may use. Each takes what it needs."""

    aws_client: Callable[[str], Any]
    """Makes the client of an AWS service by its name, such as `kms`."""
    monotonic: Callable[[], float]
    """Seconds, for caches."""
    clock: Callable[[], datetime]
    """The time in UTC, for the age of a key."""


class KeyService(Protocol):
    """One kind of key."""

    REFERENCE_FORM: ClassVar[str]
    """The form of its key references, for an error message: `kms:<key id>`."""

    def signer_of(self, reference: str, account: Account) -> Signer:
        """Return the signer for the key reference, which comes without its prefix. `signers` says what it may raise."""


def sign_each(
    signer: Signer, transactions: Sequence[UnsignedTransaction], threads: Executor | None = None
) -> list[SignedBytes | Exception]:
    """Return one outcome a transaction, in order: the signed transaction, or the error of this transaction.

    After the first error of the key (a JobsApiError), every outcome is that error. With `threads`, the signatures are made at
    the same time; those that have not begun by then are not made.
    """
    if threads is None or len(transactions) < 2:
        return _up_to_the_first_key_error((_outcome(signer, each) for each in transactions), len(transactions))
    running = [threads.submit(_outcome, signer, each) for each in transactions]
    try:
        return _up_to_the_first_key_error((future.result() for future in running), len(transactions))
    finally:
        for future in running:
            future.cancel()


def _outcome(signer: Signer, transaction: UnsignedTransaction) -> SignedBytes | Exception:
    try:
        return signer.sign(transaction)
    except Exception as error:  # noqa: BLE001 -- it is this transaction's outcome
        return error


def _up_to_the_first_key_error(outcomes: Iterable[SignedBytes | Exception], count: int) -> list[SignedBytes | Exception]:
    """Take outcomes up to the first error of the key, and repeat that error for the rest of `count` transactions."""
    taken: list[SignedBytes | Exception] = []
    for outcome in outcomes:
        taken.append(outcome)
        if isinstance(outcome, JobsApiError):
            return taken + [outcome] * (count - len(taken))
    return taken

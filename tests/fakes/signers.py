"""Signers in memory: the raw bytes are the transaction as JSON, with a signature that only the key's holder could make."""

import hashlib
from collections.abc import Sequence

from chalicelib.errors import ConfigurationError, JobsApiError, SignerUnavailable
from chalicelib.jobs.model import Account, UnsignedTransaction
from tests.fakes.ledger import encode_transaction


class SimulatedSigner:
    def __init__(self, address: str, signers: "SimulatedSigners") -> None:
        self.address = address
        self._signers = signers

    def sign(self, transaction: UnsignedTransaction) -> tuple[str, bytes]:
        signers = self._signers
        if signers.away:
            raise SignerUnavailable("The key service does not answer.")
        if signers.left is not None:
            if signers.left == 0:
                raise SignerUnavailable("The key service throttles.")
            signers.left -= 1
        if transaction.data in signers.poison:
            raise KeyError("what no signer was written for")
        signature = hashlib.sha256(f"{signers.key(self.address)}{transaction}".encode()).hexdigest()
        return encode_transaction(self.address, transaction, signature)

    def sign_each(self, transactions: Sequence[UnsignedTransaction]) -> list[tuple[str, bytes] | Exception]:
        outcomes: list[tuple[str, bytes] | Exception] = []
        for transaction in transactions:
            try:
                outcomes.append(self.sign(transaction))
            except JobsApiError as error:
                return outcomes + [error] * (len(transactions) - len(outcomes))
            except Exception as error:  # noqa: BLE001 -- its outcome
                outcomes.append(error)
        return outcomes


class SimulatedSigners:
    def __init__(self) -> None:
        self.away = False
        self.left: int | None = None
        """How many signatures are given before the key service throttles; None: any number."""
        self.unusable: set[str] = set()
        """Addresses whose key cannot be used."""
        self.poison: set[bytes] = set()
        """Signing a transaction with this data raises what nobody expects."""

    def key(self, address: str) -> str:
        return f"the private key of {address}"

    def of(self, account: Account) -> SimulatedSigner:
        if account.address in self.unusable:
            raise ConfigurationError(f"The key of {account.address} cannot be used.")
        return SimulatedSigner(account.address, self)

"""The registry of signers: which code signs with which kind of key.

An account's key reference (`Account.key`) is `<prefix>:<reference>`. The prefix chooses a line of `KEY_SERVICES`; the rest
means what that key service says it means:

- `kms:<key id or ARN>`: a key of AWS KMS (`aws_kms`).
- `secret:<id>` or `secret:<id>#<derivation path>`: a private key or a mnemonic in AWS Secrets Manager (`aws_secrets`).

**To add a key service**, write one file and add its line here. Example: Google Cloud KMS, in `gcp_kms.py`, with accounts such
as `gcpkms:projects/p/locations/europe/keyRings/jobs/cryptoKeys/issuer/cryptoKeyVersions/1`.

1. A class that is made with `Resources` and has `signer_of(reference, account) -> Signer` (`key_service.KeyService`). It makes
   its client, and imports its library, at the first account that needs it: most functions of the service never sign.
2. A signer (`chalicelib.jobs.ports.Signer`) with the properties and methods `address`, `sign` and `sign_each`. `digest` gives
   the 32 bytes to sign. `signed` makes the transaction from r and s, checks that the signature is the account's, and makes s
   low (EIP-2). `key_service.sign_each` does the rest.
3. Errors, with no text of the key service in them but its error code, because its texts hold account ids and roles:

   - `SignerUnavailable`: the key service throttles, does not answer, or has an internal fault. The job waits.
   - `KeyNotReady`: the key is so new that a refusal may be temporary. The job waits.
   - `ConfigurationError`: the key does not exist, may not be used, or is of another type. The account's jobs wait for an
     operator.
   - `ValueError`: this one transaction cannot be signed. Its job fails, and the others go on.

   No other error may come out of a signer: a worker does not know whether another error is temporary.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.chain.signing.aws_kms import KmsKeyService
from chalicelib.chain.signing.aws_secrets import SecretKeyService
from chalicelib.chain.signing.key_service import KeyService, Resources
from chalicelib.errors import ConfigurationError
from chalicelib.jobs.model import Account
from chalicelib.jobs.ports import Signer

KEY_SERVICES: Mapping[str, Callable[[Resources], KeyService]] = {
    "kms": KmsKeyService,
    "secret": SecretKeyService,
}
"""By the prefix of the key reference."""


class AccountSigners:
    """The signer of each account: `chalicelib.jobs.ports.Signers`."""

    def __init__(
        self,
        aws_client: Callable[[str], Any],
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`aws_client` makes the client of an AWS service, such as `kms`."""
        resources = Resources(aws_client, monotonic, clock)
        self._services = {prefix: make(resources) for prefix, make in KEY_SERVICES.items()}

    def __repr__(self) -> str:
        return "AccountSigners()"

    def of(self, account: Account) -> Signer:
        """Return the account's signer.

        Raises ConfigurationError when the account's key cannot be used or belongs to another address, and SignerUnavailable
        when the key service does not give it now. A signer of AWS KMS raises them at its first signature.
        """
        prefix, _, reference = account.key.partition(":")
        service = self._services.get(prefix)
        if service is None or not reference:
            forms = " or ".join(known.REFERENCE_FORM for known in self._services.values())
            raise ConfigurationError(f"The key of account {account.address} must be {forms}.")
        signer = service.signer_of(reference, account)
        if signer.address != account.address:
            raise ConfigurationError(f"The key of account {account.address} belongs to {signer.address}.")
        return signer

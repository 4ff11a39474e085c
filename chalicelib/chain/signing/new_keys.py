"""Keys of new accounts, made in AWS KMS, which they never leave: `chalicelib.admin.ports.Keys`."""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.backoff import doubled
from chalicelib.chain.signing.key_errors import raise_as_ours
from chalicelib.chain.signing.signers import kms_address
from chalicelib.errors import SignerUnavailable

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

log = logging.getLogger(__name__)

STACK_TAG = "jobs-api:stack"
"""The workers may sign with the keys that carry this tag with their stack's name."""
ADDRESS_SECONDS = 10.0
"""How long KMS is asked for the public key of a new key. The API's caller is answered after 29 s at the latest."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


def tagged_as(stack_name: str) -> Mapping[str, Any]:
    """What an operator gives CreateKey so that the stack's workers may sign. It needs the right to tag keys."""
    return {"Tags": [{"TagKey": STACK_TAG, "TagValue": stack_name}]}


def with_policy(policy: str) -> Mapping[str, Any]:
    """What the API gives CreateKey: a key policy that lets the stack's workers sign.

    KMS refuses a policy that its maker could not change afterwards, unless it is told that this is meant. It is: the API may
    change no key. The account's administrators can, by the policy's first statement.
    """
    return {"Policy": policy, "BypassPolicyLockoutSafetyCheck": True}


class KmsKeys:
    def __init__(
        self,
        kms_client: "KMSClient",
        mark: Mapping[str, Any],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """`mark` is `tagged_as` or `with_policy`."""
        self._kms = kms_client
        self._mark = mark
        self._monotonic = monotonic
        self._sleep = sleep
        self._without_address: list[str] = []
        self._unused: list[tuple[str, str]] = []

    def create(self, description: str) -> tuple[str, str]:
        """Return (`kms:<key id>`, the checksummed address it signs for).

        Raises SignerUnavailable when KMS throttles or does not answer, or does not tell the address in time, and
        ConfigurationError when it refuses. The key is kept then, and the next account gets it; the log names it, in case this
        process ends before.
        """
        if self._unused:
            return self._unused.pop()
        key_id = self._without_address.pop() if self._without_address else self._new_key(description)
        try:
            return f"kms:{key_id}", self._address_of(key_id)
        except Exception:
            self._without_address.append(key_id)
            log.warning("a new key is of no account yet: the next account gets it", extra={"keyId": key_id})
            raise

    def give_back(self, key: str, address: str) -> None:
        """Keep a key whose account could not be stored. The next account gets it."""
        self._unused.append((key, address))
        log.warning("a new key is of no account yet: the next account gets it", extra={"keyId": key.removeprefix("kms:")})

    def _new_key(self, description: str) -> str:
        try:
            made = self._kms.create_key(
                KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY", Description=description, **self._mark
            )
        except (ClientError, BotoCoreError) as error:
            raise_as_ours(error, "new KMS key")
        return made["KeyMetadata"]["KeyId"]

    def _address_of(self, key_id: str) -> str:
        """Ask again while KMS does not know the new key or its policy yet, or throttles."""
        deadline = self._monotonic() + ADDRESS_SECONDS
        refusals = 0
        while True:
            pause = doubled(FIRST_PAUSE_SECONDS, refusals, LONGEST_PAUSE_SECONDS)
            try:
                return kms_address(self._kms, key_id, is_new=True)
            except SignerUnavailable:
                if self._monotonic() + pause > deadline:
                    raise
            self._sleep(pause)
            refusals += 1

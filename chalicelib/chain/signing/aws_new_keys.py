"""Makes the keys of new accounts in AWS KMS, which they never leave: `chalicelib.admin.ports.Keys`."""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.backoff import doubled
from chalicelib.chain.signing.aws_errors import raise_key_error
from chalicelib.chain.signing.aws_kms import kms_address
from chalicelib.errors import SignerUnavailable

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

log = logging.getLogger(__name__)

STACK_TAG = "jobs-api:stack"
"""The workers may sign with the keys that carry this tag with their stack's name."""
ADDRESS_SECONDS = 10.0
"""How long to ask KMS for the public key of a new key. API Gateway gives a request up after 29 s."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


def tagged_as(stack_name: str) -> Mapping[str, Any]:
    """Return what an operator gives CreateKey, so that the stack's workers may sign: a tag. It needs the right to tag keys."""
    return {"Tags": [{"TagKey": STACK_TAG, "TagValue": stack_name}]}


def with_policy(policy: str) -> Mapping[str, Any]:
    """Return what the API gives CreateKey: a key policy that lets the stack's workers sign.

    KMS refuses a policy that the creator of the key could not change later, unless the request says that this is intended. It
    is: the API may not change keys. The policy's first statement lets the AWS account's administrators change it.
    """
    return {"Policy": policy, "BypassPolicyLockoutSafetyCheck": True}


class KmsKeys:
    """Creates keys, and keeps each key that has no account yet for the next account. Not for several threads at once."""

    def __init__(
        self,
        kms_client: "KMSClient",
        mark: Mapping[str, Any],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """`mark` is the result of `tagged_as` or `with_policy`. `sleep` takes seconds."""
        self._kms = kms_client
        self._mark = mark
        self._monotonic = monotonic
        self._sleep = sleep
        self._without_address: list[str] = []
        self._unused: list[tuple[str, str]] = []

    def create(self, description: str) -> tuple[str, str]:
        """Return the key reference `kms:<key id>` and the checksummed address that the key signs for.

        Raises SignerUnavailable when KMS throttles, does not answer or does not tell the address in time, and
        ConfigurationError when it refuses. A key that was made by then is kept for the next account. The log names it, because
        this process may end before there is one.
        """
        if self._unused:
            return self._unused.pop()
        key_id = self._without_address.pop() if self._without_address else self._new_key(description)
        try:
            return f"kms:{key_id}", self._address_of(key_id)
        except Exception:
            self._without_address.append(key_id)
            log.warning("a new key has no account yet: the next account gets it", extra={"keyId": key_id})
            raise

    def give_back(self, key: str, address: str) -> None:
        """Keep a key whose account could not be stored, for the next account."""
        self._unused.append((key, address))
        log.warning("a new key has no account yet: the next account gets it", extra={"keyId": key.removeprefix("kms:")})

    def _new_key(self, description: str) -> str:
        try:
            made = self._kms.create_key(
                KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY", Description=description, **self._mark
            )
        except (ClientError, BotoCoreError) as error:
            raise_key_error(error, "new KMS key")
        return made["KeyMetadata"]["KeyId"]

    def _address_of(self, key_id: str) -> str:
        """Return the key's address. Ask again while KMS throttles, or does not know the new key or its policy yet."""
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

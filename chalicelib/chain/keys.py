"""Keys of new accounts, made in AWS KMS, which they never leave: `chalicelib.admin.ports.Keys`."""

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.chain.key_errors import raise_as_ours
from chalicelib.chain.signers import kms_address

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

log = logging.getLogger(__name__)

STACK_TAG = "jobs-api:stack"
"""The functions' policies allow signing with exactly the keys that carry this tag with their stack's name."""


class KmsKeys:
    def __init__(self, kms_client: "KMSClient", stack_name: str) -> None:
        self._kms = kms_client
        self._stack_name = stack_name

    def create(self, description: str) -> tuple[str, str]:
        """(`kms:<key id>`, the checksummed address it signs for).

        Raises SignerUnavailable when KMS throttles or does not answer, ConfigurationError when it refuses. A key whose address
        could not be read afterwards is of no account, and costs money until an operator deletes it: the log names it.
        """
        try:
            made = self._kms.create_key(
                KeySpec="ECC_SECG_P256K1",
                KeyUsage="SIGN_VERIFY",
                Description=description,
                Tags=[{"TagKey": STACK_TAG, "TagValue": self._stack_name}],
            )
        except (ClientError, BotoCoreError) as error:
            raise_as_ours(error, "new KMS key")
        key_id = made["KeyMetadata"]["KeyId"]
        try:
            return f"kms:{key_id}", kms_address(self._kms, key_id)
        except Exception:
            log.warning("a new key is of no account: delete it", extra={"keyId": key_id})
            raise

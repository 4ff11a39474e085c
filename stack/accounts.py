"""Signing accounts of a stack: made, and registered in the service's own record format."""

import secrets
from datetime import UTC, datetime

from eth_account import Account as KeyPair

from chalicelib.chain.keys import STACK_TAG, KmsKeys
from chalicelib.jobs.model import Account
from chalicelib.store.accounts import DynamoAccountStore
from stack.aws import Client
from stack.errors import StackError


def create_kms_account(client: Client, stack_name: str, accounts_table: str, chain_id: int) -> Account:
    """A new account whose key KMS made and keeps."""
    key, address = KmsKeys(client("kms"), stack_name).create(f"A signing account of {stack_name}")
    return register(client, accounts_table, chain_id, address, key)


def create_secret_account(client: Client, stack_name: str, accounts_table: str, chain_id: int) -> Account:
    """A new account whose private key is a secret of the stack's."""
    key = "0x" + secrets.token_hex(32)
    address = str(KeyPair.from_key(key).address)
    secret_id = f"{stack_name}/accounts/{address}"
    client("secretsmanager").create_secret(Name=secret_id, SecretString=key, Tags=[{"Key": STACK_TAG, "Value": stack_name}])
    return register(client, accounts_table, chain_id, address, f"secret:{secret_id}")


def register(client: Client, accounts_table: str, chain_id: int, address: str, key: str) -> Account:
    """Write the account's record; its owner is the principal whose token names it. Raises StackError when it exists."""
    account = Account(chain_id=chain_id, address=address, key=key, owner=address, created_at=datetime.now(UTC))
    if not DynamoAccountStore(client("dynamodb"), accounts_table).put(account):
        raise StackError(f"The account {account.account_id} exists already.")
    return account

"""The signing accounts of a stack: make one, write its row, show its state, pause it and let it sign again."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from eth_account import Account as KeyPair

from chalicelib.chain.rpc.client import RpcClient
from chalicelib.chain.signing.aws_new_keys import STACK_TAG, KmsKeys, tagged_as
from chalicelib.errors import VersionConflict
from chalicelib.jobs.model import Account, account_id
from chalicelib.store.accounts import DynamoAccountStore
from stack.aws import Client
from stack.errors import StackError

WEI = 10**18
LONGEST_PAUSE_REASON = 200


def create_kms_account(client: Client, stack_name: str, accounts_table: str, chain_id: int, **fields: Any) -> Account:
    """Make an account whose key KMS makes and keeps. `fields` are other fields of the account, such as role and owner."""
    what = fields.get("description") or f"A signing account of {stack_name}"
    key, address = KmsKeys(client("kms"), tagged_as(stack_name), time.monotonic, time.sleep).create(what)
    return register(client, accounts_table, chain_id, address, key, **fields)


def create_secret_account(client: Client, stack_name: str, accounts_table: str, chain_id: int, **fields: Any) -> Account:
    """Make an account whose private key is a secret in Secrets Manager, named after the stack."""
    key = "0x" + secrets.token_hex(32)
    address = str(KeyPair.from_key(key).address)
    secret_id = f"{stack_name}/accounts/{address}"
    client("secretsmanager").create_secret(Name=secret_id, SecretString=key, Tags=[{"Key": STACK_TAG, "Value": stack_name}])
    return register(client, accounts_table, chain_id, address, f"secret:{secret_id}", **fields)


def register(client: Client, accounts_table: str, chain_id: int, address: str, key: str, **fields: Any) -> Account:
    """Write the account's row. Its owner is the issuer whose JWT names the account, unless `fields` name another.

    Raises StackError when the account exists.
    """
    more: dict[str, Any] = {"owner": address, "created_at": datetime.now(UTC)} | fields
    account = Account(chain_id=chain_id, address=address, key=key, **more)
    if not DynamoAccountStore(client("dynamodb"), accounts_table).put(account):
        raise StackError(f"The account {account.account_id} exists already.")
    return account


# --- show, pause, unpause ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account and its state on the chain. None where the node does not answer."""

    account: Account
    balance: int | None
    """Wei."""
    mined: int | None
    """The number of its transactions up to the newest block."""

    @property
    def in_flight(self) -> int | None:
        """The number of its nonces that are taken and not mined."""
        return None if self.mined is None else max(0, (self.account.next_nonce or 0) - self.mined)

    def __str__(self) -> str:
        account = self.account
        pool = f"role {account.role}" if account.owner is None and account.role else f"owner {account.owner or 'nobody'}"
        state = f"PAUSED: {account.paused}" if account.paused is not None else "running"
        return "  ".join(
            [
                account.address,
                f"{shown_coins(self.balance):>14} coins",
                f"next nonce {'—' if account.next_nonce is None else account.next_nonce}",
                f"in flight {'?' if self.in_flight is None else self.in_flight}",
                pool,
                *([account.app_name] if account.app_name else []),
                account.key,
                state,
            ]
        )


def account_states(accounts: Sequence[Account], rpc: RpcClient) -> list[AccountState]:
    """Return the state of each account, read in one batch. Raises ChainUnavailable when no node answers."""
    calls = [
        (method, [account.address, "latest"])
        for account in accounts
        for method in ("eth_getBalance", "eth_getTransactionCount")
    ]
    answers = [answer.result for answer in rpc.batch(calls)] if calls else []
    numbers = [int(result, 16) if isinstance(result, str) else None for result in answers]
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [AccountState(account, *pair) for account, pair in zip(accounts, pairs, strict=True)]


def shown_coins(wei: int | None) -> str:
    """Return coins with up to six decimal places, rounded down. Example: 1500000000000000000 gives `1.5`."""
    return "?" if wei is None else f"{Decimal(wei // 10**12) / 10**6:f}"


def find(accounts: DynamoAccountStore, chain_id: int, address: str) -> Account:
    """Return the account with this address, in upper or lower case. Raises StackError when it does not exist."""
    wanted = account_id(chain_id, address).lower()
    for account in accounts.all():
        if account.account_id.lower() == wanted:
            return account
    raise StackError(f"There is no account {address} on chain {chain_id}: `make accounts` lists them.")


def pause(accounts: DynamoAccountStore, account: Account, reason: str | None) -> Account:
    """Pause an account for `reason`: nothing more is signed with it. Without a reason, let it sign again.

    Raises StackError when the account was changed at the same time.
    """
    if reason is not None and not (0 < len(reason) <= LONGEST_PAUSE_REASON and reason.isprintable()):
        raise StackError(f"REASON must be 1 to {LONGEST_PAUSE_REASON} printable characters.")
    try:
        return accounts.pause(account, reason)
    except VersionConflict:
        raise StackError(f"The account {account.address} was changed at the same time: look again.") from None

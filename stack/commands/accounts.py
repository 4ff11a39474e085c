"""The signing accounts of a stage: make one, list them, pause one, and let it sign again."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import click

from stack.commands.options import flag, option, stage
from stack.errors import StackError
from stack.progress import say

KEYS = ("kms", "secret")
LONGEST_FIELD = 256

account_address = option("ACCOUNT", "The account's address: 0x and 40 hex digits.", required=True, metavar="ADDRESS")


@click.command("account")
@stage
@option("ROLE", "The role of the account. Without OWNER and APP it is the pool whose issuers share the account.", required=True)
@option("OWNER", "The only issuer that signs with it: the `sub` of its JWT, or the account address that its JWT names.")
@option("APP", "The application whose issuer alone signs with it. The issuer's JWT names the account.")
@option("DESCRIPTION", "What the account is for, at most 256 characters.")
@option("KEY", "Where the private key is kept: kms, or secret for Secrets Manager. By default kms.")
def make_account(
    *, stage: str, role: str, owner: str | None, app: str | None, description: str | None, key: str | None
) -> None:
    """Make a signing account with a new key.

    It prints the account's address. The account can sign as soon as somebody sends it coins for gas.
    """
    from stack.operation.accounts import create_kms_account, create_secret_account
    from stack.operation.target import target_of

    kind = key or KEYS[0]
    if kind not in KEYS:
        raise StackError(f"KEY must be {' or '.join(KEYS)}, not {kind!r}.")
    for name, value in (("ROLE", role), ("OWNER", owner), ("APP", app), ("DESCRIPTION", description)):
        if value is not None and not (len(value) <= LONGEST_FIELD and value.isprintable()):
            raise StackError(f"{name} must be at most {LONGEST_FIELD} printable characters.")
    create = create_kms_account if kind == "kms" else create_secret_account
    fields = {"role": role, "app_name": app, "description": description}
    if owner is not None or app is None:
        fields["owner"] = owner
    with target_of(stage) as target:
        settings = target.settings
        chain_id = settings.network.chain_id
        say(f"Making a key for an account of {target.name} on chain {chain_id}")
        made = create(target.client, target.name, settings.accounts_table, chain_id, **fields)
    say(f"It has no coins yet: send some to it on chain {chain_id}; until then its jobs wait")
    say(f"It signs for {f'the pool {made.role}' if made.owner is None else made.owner}")
    print(made.address)


@click.command("accounts")
@stage
def list_accounts(stage: str) -> None:
    """List the signing accounts.

    Each line has the balance in coins, the next nonce, how many transactions are in flight, and why the account is paused.
    """
    from chalicelib.errors import ChainUnavailable
    from stack.operation.accounts import AccountState, account_states
    from stack.operation.target import target_of

    with target_of(stage) as target:
        chain_id = target.network.chain_id
        own = [one for one in target.accounts.all() if one.chain_id == chain_id]
        own.sort(key=lambda one: (one.created_at is not None, one.created_at or 0, one.address))
        try:
            states = account_states(own, target.rpc)
        except ChainUnavailable as error:
            say(f"Balances are not known: {error}")
            states = [AccountState(one, None, None) for one in own]
        for state in states:
            print(state)
        if not own:
            say(f"{target.name} has no account on chain {chain_id}: `make account` makes one")


@click.command("pause")
@stage
@account_address
@option("REASON", "Why, 1 to 200 characters. Its waiting jobs show the reason.")
def pause_account(stage: str, account: str, reason: str | None) -> None:
    """Sign nothing more with an account. Transactions that are signed already are followed to their end."""
    from stack.operation import accounts
    from stack.operation.target import target_of

    with target_of(stage) as target:
        found = accounts.find(target.accounts, target.network.chain_id, account)
        accounts.pause(target.accounts, found, reason or "an operator paused it")
        say(f"{found.address} is paused; what it has signed goes on, its other jobs wait")


@click.command("unpause")
@stage
@account_address
@flag("YES", "Also let an account sign that was restored and is not compared with the chain.")
def unpause_account(stage: str, account: str, *, yes: bool) -> None:
    """Let a paused account sign again."""
    from chalicelib.admin.accounts import UNCHECKED
    from stack.operation import accounts
    from stack.operation.target import target_of

    with target_of(stage) as target:
        found = accounts.find(target.accounts, target.network.chain_id, account)
        if found.paused is None:
            say(f"{found.address} is not paused")
            return
        if found.paused.startswith(UNCHECKED) and not yes:
            raise StackError(
                f"{found.address} is paused: {found.paused}. `make restore-check` lets it go on; YES=1 does, unchecked."
            )
        accounts.pause(target.accounts, found, None)
        say(f"{found.address} goes on; it was paused: {found.paused}")

"""The signing accounts of a stage: make one, list them, pause one and let it go on."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import argparse

from stack.commands.options import Commands, command, flag, option
from stack.errors import StackError
from stack.progress import say

KEYS = ("kms", "secret")
LONGEST_FIELD = 256


def add_to(commands: Commands) -> None:
    parser = command(commands, "account", account, "make a signing account")
    option(parser, "ROLE", "the pool it belongs to, unless it has an owner", required=True)
    option(parser, "OWNER", "the issuer that alone signs with it: the `sub` of its token, or the account that its token names")
    option(parser, "APP", "the application whose issuer alone signs with it; its token names the account")
    option(parser, "DESCRIPTION", "what it is for")
    option(parser, "KEY", "where its key is: kms (the default), or secret")
    command(commands, "accounts", accounts, "list the signing accounts: balance, nonce, whether they are paused")
    parser = command(commands, "pause", pause, "sign nothing more with an account; what is signed goes on")
    option(parser, "ACCOUNT", "its address", required=True)
    option(parser, "REASON", "why; its waiting jobs tell it")
    parser = command(commands, "unpause", unpause, "let a paused account go on")
    option(parser, "ACCOUNT", "its address", required=True)
    flag(parser, "YES", "even one that says it must not go on")


def account(told: argparse.Namespace, _parent: int) -> int:
    from stack.operation.accounts import create_kms_account, create_secret_account
    from stack.operation.target import target_of

    kind = told.key or KEYS[0]
    if kind not in KEYS:
        raise StackError(f"KEY must be {' or '.join(KEYS)}, not {kind!r}.")
    for name, value in (("ROLE", told.role), ("OWNER", told.owner), ("APP", told.app), ("DESCRIPTION", told.description)):
        if value is not None and not (len(value) <= LONGEST_FIELD and value.isprintable()):
            raise StackError(f"{name} must be at most {LONGEST_FIELD} printable characters.")
    create = create_kms_account if kind == "kms" else create_secret_account
    fields = {"role": told.role, "app_name": told.app, "description": told.description}
    if told.owner is not None or told.app is None:
        fields["owner"] = told.owner
    with target_of(told.stage) as target:
        settings = target.settings
        chain_id = settings.network.chain_id
        say(f"Making a key for an account of {target.name} on chain {chain_id}")
        made = create(target.client, target.name, settings.accounts_table, chain_id, **fields)
    say(f"It has no coins yet: send some to it on chain {chain_id}; until then its jobs wait")
    say(f"It signs for {f'the pool {made.role}' if made.owner is None else made.owner}")
    print(made.address)
    return 0


def accounts(told: argparse.Namespace, _parent: int) -> int:
    from stack.operation.accounts import Standing, standings
    from stack.operation.target import target_of

    with target_of(told.stage) as target:
        chain_id = target.network.chain_id
        own = [one for one in target.accounts.all() if one.chain_id == chain_id]
        own.sort(key=lambda one: (one.created_at is not None, one.created_at or 0, one.address))
        try:
            lines = standings(own, target.rpc)
        except _chain_unavailable() as error:
            say(f"Balances are not known: {error}")
            lines = [Standing(one, None, None) for one in own]
        for line in lines:
            print(line)
        if not own:
            say(f"{target.name} has no account on chain {chain_id}: `make account` makes one")
    return 0


def _chain_unavailable() -> type[Exception]:
    from chalicelib.errors import ChainUnavailable

    return ChainUnavailable


def pause(told: argparse.Namespace, _parent: int) -> int:
    from stack.operation import accounts as signing
    from stack.operation.target import target_of

    with target_of(told.stage) as target:
        found = signing.found(target.accounts, target.network.chain_id, told.account)
        signing.pause(target.accounts, found, told.reason or "an operator paused it")
        say(f"{found.address} is paused; what it has signed goes on, its other jobs wait")
    return 0


def unpause(told: argparse.Namespace, _parent: int) -> int:
    from chalicelib.admin.accounts import UNCHECKED
    from stack.operation import accounts as signing
    from stack.operation.target import target_of

    with target_of(told.stage) as target:
        found = signing.found(target.accounts, target.network.chain_id, told.account)
        if found.paused is None:
            say(f"{found.address} is not paused")
            return 0
        if found.paused.startswith(UNCHECKED) and not told.yes:
            raise StackError(
                f"{found.address} is paused: {found.paused}. `make restore-check` lets it go on; YES=1 does, unchecked."
            )
        signing.pause(target.accounts, found, None)
        say(f"{found.address} goes on; it was paused: {found.paused}")
    return 0

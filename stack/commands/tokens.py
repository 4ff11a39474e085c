"""Tokens of a stage, and the secret that signs them."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import argparse
import secrets
import sys
from datetime import UTC, datetime, timedelta

from stack.commands.options import Commands, command, flag, option
from stack.errors import StackError
from stack.progress import say

LONGEST_DAYS = 3_650
KEY_BYTES = 32


def add_to(commands: Commands) -> None:
    parser = command(commands, "token", token, "print an issuer's token, and nothing else, to standard output")
    option(parser, "ACCOUNT", "the issuer's signing account", required=True)
    flag(parser, "ADMIN", "it sees and may act on everything")
    flag(parser, "COMMUNITY_ADMIN", "it may use the Admin API")
    option(parser, "SUB", "who owns its jobs, instead of the account")
    option(parser, "ROLE", "the pool that signs for it")
    option(parser, "APP", "the application's name")
    option(parser, "DAYS", "how long it is valid; 90")
    parser = command(commands, "rotate-jwt", rotate_jwt, "a new key signs tokens; those of the one before stay valid")
    flag(parser, "FINISH", "end a rotation: tokens of the key before are refused from then on")


def token(told: argparse.Namespace, _parent: int) -> int:
    from eth_utils.address import to_checksum_address

    from chalicelib.auth.jwt import principal_from
    from stack.deployment import jwt_secret
    from stack.deployment.factories import address_parameter
    from stack.operation import tokens
    from stack.operation.accounts import found
    from stack.operation.target import target_of

    address = str(to_checksum_address(address_parameter("ACCOUNT", told.account)))
    days = _days(told.days)
    optional = {
        "sub": told.sub,
        "role": told.role,
        "appName": told.app,
        "isAdmin": told.admin or None,
        "isCommunityAdmin": told.community_admin or None,
    }
    expires_at = datetime.now(UTC) + timedelta(days=days)
    claims = {"accountAddress": address, **{name: value for name, value in optional.items() if value is not None}}
    with target_of(told.stage) as target:
        principal_from(claims)  # what the service would refuse is not signed
        if told.role is None:
            found(target.accounts, target.network.chain_id, address)
        secret = jwt_secret.read(target.client, target.settings.jwt_secret_id)
        signed = tokens.token(secret, **claims, exp=int(expires_at.timestamp()))
    print(f"Valid until {expires_at:%Y-%m-%d %H:%M} UTC, for {address}", file=sys.stderr)
    print(signed)
    return 0


def _days(given: str | None) -> int:
    text = given or "90"
    if not (text.isdecimal() and text.isascii() and 0 < int(text) <= LONGEST_DAYS):
        raise StackError(f"DAYS must be a whole number from 1 to {LONGEST_DAYS}, not {text!r}.")
    return int(text)


def rotate_jwt(told: argparse.Namespace, _parent: int) -> int:
    from chalicelib.auth.secrets import rotated, without_old
    from stack.deployment import jwt_secret
    from stack.operation.target import target_of

    with target_of(told.stage) as target:
        secret_id = target.settings.jwt_secret_id
        text = jwt_secret.read(target.client, secret_id)
        if told.finish:
            changed = without_old(text, told.stage)
            done = "Only the newest key is valid now: tokens of the one before are refused within five minutes"
        else:
            kid = f"{datetime.now(UTC):%Y-%m-%d}-{secrets.token_hex(3)}"
            changed = rotated(text, secrets.token_hex(KEY_BYTES), kid, told.stage)
            done = f"The key {kid} signs now; tokens of the one before stay valid until `make rotate-jwt FINISH=1`"
        if changed == text:
            say("There is one key only: nothing to finish")
            return 0
        target.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=changed)
        say(done)
    return 0

"""The JWTs of a stage, and the secret that signs them."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import secrets
import sys
from datetime import UTC, datetime, timedelta

import click

from stack.commands.options import flag, option, stage, whole_number
from stack.progress import say

DAYS = 90
LONGEST_DAYS = 3_650
KEY_BYTES = 32


@click.command("token")
@stage
@option("ACCOUNT", "The issuer's signing account: 0x and 40 hex digits.", required=True, metavar="ADDRESS")
@flag("ADMIN", "The bearer is an administrator: it sees every job, and may act on it.")
@flag("COMMUNITY_ADMIN", "The bearer may use the Admin API.")
@option("SUB", "The owner of its jobs. By default the account.")
@option("ROLE", "The role whose pool of accounts signs for the bearer.")
@option("APP", "The application's name.")
@option("DAYS", f"How long the JWT is valid, in days, 1 to {LONGEST_DAYS}. By default {DAYS}.", metavar="DAYS")
def print_token(
    *,
    stage: str,
    account: str,
    sub: str | None,
    role: str | None,
    app: str | None,
    days: str | None,
    admin: bool,
    community_admin: bool,
) -> None:
    """Print a new JWT of an issuer.

    Nothing else goes to standard output.
    """
    from eth_utils.address import to_checksum_address

    from chalicelib.auth.jwt import principal_from
    from stack.deployment import jwt_secret
    from stack.deployment.factories import address_parameter
    from stack.operation import tokens
    from stack.operation.accounts import find
    from stack.operation.target import target_of

    address = str(to_checksum_address(address_parameter("ACCOUNT", account)))
    valid_for = timedelta(days=whole_number("DAYS", days, default=DAYS, largest=LONGEST_DAYS))
    optional = {
        "sub": sub,
        "role": role,
        "appName": app,
        "isAdmin": admin or None,
        "isCommunityAdmin": community_admin or None,
    }
    expires_at = datetime.now(UTC) + valid_for
    claims = {"accountAddress": address, **{name: value for name, value in optional.items() if value is not None}}
    with target_of(stage) as target:
        principal_from(claims)  # raises an error for claims that the service would refuse
        if role is None:
            find(target.accounts, target.network.chain_id, address)
        secret = jwt_secret.read(target.client, target.settings.jwt_secret_id)
        signed = tokens.token(secret, **claims, exp=int(expires_at.timestamp()))
    print(f"Valid until {expires_at:%Y-%m-%d %H:%M} UTC, for {address}", file=sys.stderr)
    print(signed)


@click.command("rotate-jwt")
@stage
@flag("FINISH", "End a rotation: JWTs that an earlier key signed are refused from then on.")
def rotate_jwt_key(stage: str, *, finish: bool) -> None:
    """Let a new key sign JWTs.

    JWTs that the earlier key signed stay valid until FINISH=1.
    """
    from chalicelib.auth.secrets import rotated, without_old
    from stack.deployment import jwt_secret
    from stack.operation.target import target_of

    with target_of(stage) as target:
        secret_id = target.settings.jwt_secret_id
        text = jwt_secret.read(target.client, secret_id)
        if finish:
            changed = without_old(text, stage)
            done = "Only the newest key is valid now: tokens of the one before are refused within five minutes"
        else:
            kid = f"{datetime.now(UTC):%Y-%m-%d}-{secrets.token_hex(3)}"
            changed = rotated(text, secrets.token_hex(KEY_BYTES), kid, stage)
            done = f"The key {kid} signs now; tokens of the one before stay valid until `make rotate-jwt FINISH=1`"
        if changed == text:
            say("There is one key only: nothing to finish")
            return
        target.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=changed)
        say(done)

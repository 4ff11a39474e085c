"""What a new local stack gets: two funded signing accounts, an ERC-20 token they may mint, and JWTs for their issuers."""

import secrets
from collections.abc import Mapping

from eth_utils.crypto import keccak

from stack.aws import Client
from stack.contracts import contract
from stack.funder import Funder
from stack.operation.accounts import create_kms_account, create_secret_account
from stack.operation.tokens import admin_token, issuer_token
from stack.progress import Say

MINTER_ROLE = keccak(text="MINTER_ROLE")


def seed(
    client: Client, stack_name: str, outputs: Mapping[str, str], chain_id: int, *, funder: Funder, fund_wei: int, say: Say
) -> dict[str, str]:
    """Make them, and return their values for stack.env."""
    table = outputs["AccountsTableName"]
    issuer = create_kms_account(client, stack_name, table, chain_id).address
    other = create_secret_account(client, stack_name, table, chain_id).address
    for account in (issuer, other):
        funder.transfer(account, fund_wei)
    token = deploy_token(funder, issuer, other)
    funder.wait(say)
    secret = plain_jwt_secret(client, outputs["JwtSecretArn"])
    return {
        "ADMIN_TOKEN": admin_token(secret, issuer),
        "ISSUER_TOKEN": issuer_token(secret, issuer),
        "ISSUER_ACCOUNT": issuer,
        "OTHER_ISSUER_TOKEN": issuer_token(secret, other),
        "OTHER_ISSUER_ACCOUNT": other,
        "TOKEN_ADDRESS": token,
        "JWT_SECRET": secret,
    }


def deploy_token(funder: Funder, *minters: str) -> str:
    """Send a deployment of DemoToken that `minters` may mint, without waiting for it. Returns its address."""
    demo = contract("DemoToken")
    token = funder.deploy("DemoToken", demo, "Demo Token", "DEMO", funder.address)
    for minter in minters:
        funder.call("granting MINTER_ROLE", demo, token, "grantRole", MINTER_ROLE, minter)
    return token


def plain_jwt_secret(client: Client, secret_arn: str) -> str:
    """Write a JWT secret of hex digits and return it. The emulator's own has punctuation, which clients of stack.env may not
    unquote.
    """
    secret = secrets.token_hex(32)
    client("secretsmanager").put_secret_value(SecretId=secret_arn, SecretString=secret)
    return secret

"""Many jobs at once: each happens exactly once, and no nonce is missing."""

from web3 import Web3
from web3.contract import Contract

from tests.stack.burst import happen_exactly_once
from tests.stack.client import Client


def test_two_hundred_jobs_over_two_accounts_happen_exactly_once(
    sink: Contract, issuer: Client, other: Client, chain: Web3, env: dict[str, str]
) -> None:
    happen_exactly_once(200, sink, {env["ISSUER_ACCOUNT"]: issuer, env["OTHER_ISSUER_ACCOUNT"]: other}, chain)

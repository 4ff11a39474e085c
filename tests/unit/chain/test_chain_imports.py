"""What reading the chain costs a cold start: no library that the modules of the chain can do without."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.chain.signing.curve import coincurve

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
LIGHT = [
    "rpc.client",
    "reading.node",
    "rpc.classify",
    "contracts.contract_reader",
    "contracts.service_contracts",
    "reading.receipts",
]
HEAVY = {"web3", "eth_account", "eth_keyfile", "eth_keys", "eth_abi", "eth_utils", "requests", "aiohttp", "boto3"}

ONE_READ = """
import json, sys
from chalicelib.chain.contracts import contract_reader
from chalicelib.chain.rpc import client as rpc
reader = contract_reader.ContractReader(rpc.RpcClient([sys.argv[1]], chain_id=122))
print(json.dumps([reader.transaction_counts(["0x" + "11" * 20]), sorted(sys.modules)]))
"""

ONE_SIGNATURE = """
import json, sys
from chalicelib.chain.signing.signers import AccountSigners
from chalicelib.jobs.model import Account, Fees, UnsignedTransaction
class Secrets:
    def get_secret_value(self, SecretId):
        return {"SecretString": "0x" + "11" * 32}
account = Account(122, "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A", "secret:one")
signer = AccountSigners(lambda _: Secrets()).of(account)
(outcome,) = signer.sign_each([UnsignedTransaction(122, 0, account.address, 1, b"", 21_000, Fees(2, 1))])
assert isinstance(outcome, tuple), outcome
print(json.dumps(sorted(sys.modules)))
"""

A_MNEMONIC = """
import json, sys
from chalicelib.chain.signing.signers import AccountSigners
from chalicelib.jobs.model import Account
class Secrets:
    def get_secret_value(self, SecretId):
        return {"SecretString": json.dumps({"mnemonic": "test test test test test test test test test test test junk"})}
before = sys.getrecursionlimit()
AccountSigners(lambda _: Secrets()).of(Account(122, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "secret:one"))
assert "eth_account" in sys.modules
print(json.dumps([before, sys.getrecursionlimit()]))
"""


def run(*arguments: str):
    done = subprocess.run([sys.executable, "-c", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.parametrize("module", LIGHT)
def test_a_module_that_the_api_reads_the_chain_with_imports_nothing_heavy(module):
    imported = run(f"import json, sys, chalicelib.chain.{module}; print(json.dumps(sorted(sys.modules)))")
    assert {name.split(".")[0] for name in imported}.isdisjoint(HEAVY)


def test_reading_counts_imports_nothing_heavy(stub):
    stub.methods |= {"eth_blockNumber": "0x10", "eth_getTransactionCount": "0x5"}
    counts, imported = run(ONE_READ, stub.url)
    assert counts == {"0x" + "11" * 20: 5}
    assert {name.split(".")[0] for name in imported}.isdisjoint(HEAVY)


def test_signing_with_a_key_of_secrets_manager_imports_nothing_heavy():
    imported = run(ONE_SIGNATURE)
    assert {name.split(".")[0] for name in imported}.isdisjoint(HEAVY | {"rlp", "pydantic"} if coincurve else {"web3"})


@pytest.mark.parametrize("module", ["signing.signers", "signing.transactions", "contracts.abi", "signing.aws_new_keys"])
def test_no_module_of_the_chain_imports_web3(module):
    imported = run(f"import json, sys, chalicelib.chain.{module}; print(json.dumps(sorted(sys.modules)))")
    assert {name.split(".")[0] for name in imported}.isdisjoint({"web3", "eth_account", "eth_keyfile", "aiohttp"})


def test_deriving_a_key_leaves_the_limit_that_keeps_deep_json_from_crashing_the_process():
    before, after = run(A_MNEMONIC)
    assert after == before

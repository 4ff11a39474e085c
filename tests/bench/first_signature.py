"""A fresh interpreter signs its first transaction: as a worker does, or with `import web3`. Prints its processor seconds.

Run as a file: `python -P -S first_signature.py worker` with the app on PYTHONPATH, or `python -P first_signature.py web3` with
what is installed. Standard input has the account's chain id, its address, and where its key is; for web3 the key is any.
"""

import json
import sys
import time
from typing import Any

TO = "0x00000000000000000000000000000000000000D4"
GWEI = 10**9


def worker(account: dict[str, Any]) -> None:
    """All of a worker's code, its node's client, its signers, and one signature with a key from Secrets Manager."""
    import app  # noqa: PLC0415 -- what is measured
    from chalicelib.jobs.model import Account, Fees, UnsignedTransaction  # noqa: PLC0415

    wiring = app.wiring
    assert wiring.chain
    signer = wiring.signers.of(Account(account["chainId"], account["address"], account["key"]))
    fees = Fees(20 * GWEI, GWEI)
    signer.sign(UnsignedTransaction(account["chainId"], 0, TO, 1, b"", 21_000, fees))


def web3(account: dict[str, Any]) -> None:
    from web3 import Web3  # noqa: PLC0415 -- what is measured

    transaction = {"chainId": account["chainId"], "nonce": 0, "to": TO, "value": 1, "gas": 21_000}
    fees = {"maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": GWEI}
    Web3().eth.account.sign_transaction(transaction | fees, "0x" + "11" * 32)


if __name__ == "__main__":
    {"worker": worker, "web3": web3}[sys.argv[1]](json.load(sys.stdin))
    print(json.dumps({"start": time.process_time()}))

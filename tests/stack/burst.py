"""A burst of jobs, and what has to be true of it afterwards."""

import secrets
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from web3 import Web3
from web3.contract import Contract

from tests.stack.client import Client


def happen_exactly_once(count: int, sink: Contract, accounts: Mapping[str, Client], chain: Web3) -> None:
    """Post `count` jobs, evenly over the accounts, and wait for them. `accounts` has the client of each account's issuer.

    Each job happens once, and the nonces of each account have no gap.
    """
    clients = list(accounts.values())
    ids = ["0x" + secrets.token_hex(32) for _ in range(count)]

    def issue(number: int) -> str:
        call = {"function": "hit(bytes32)", "args": [ids[number]]}
        return str(clients[number % len(clients)].issue(to=sink.address, call=call, correlationId=ids[number])["_id"])

    with ThreadPoolExecutor(4) as pool:
        job_ids = list(pool.map(issue, range(count)))
        jobs = list(pool.map(lambda number: clients[number % len(clients)].await_job(job_ids[number]), range(count)))

    assert Counter(job["status"] for job in jobs) == {"succeeded": count}
    assert Counter(sink.functions.hits(id_).call() for id_ in ids) == {1: count}
    for account in accounts:
        nonces = sorted(job["attempts"][-1]["nonce"] for job in jobs if job["accountAddress"] == account)
        assert nonces == list(range(nonces[0], nonces[0] + count // len(clients)))
        assert chain.eth.get_transaction_count(account) == chain.eth.get_transaction_count(account, "pending") > nonces[-1]

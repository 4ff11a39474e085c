"""Many jobs at once: each happens exactly once, and no nonce is missing."""

import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from web3 import Web3
from web3.contract import Contract

from tests.stack.client import Client

JOBS = 200


def test_two_hundred_jobs_over_two_accounts_happen_exactly_once(
    sink: Contract, issuer: Client, other: Client, chain: Web3, env: dict[str, str]
) -> None:
    accounts = {env["ISSUER_ACCOUNT"]: issuer, env["OTHER_ISSUER_ACCOUNT"]: other}
    clients = list(accounts.values())
    ids = ["0x" + secrets.token_hex(32) for _ in range(JOBS)]

    def issue(number: int) -> str:
        call = {"function": "hit(bytes32)", "args": [ids[number]]}
        return str(clients[number % 2].issue(to=sink.address, call=call, correlationId=ids[number])["_id"])

    with ThreadPoolExecutor(4) as pool:
        job_ids = list(pool.map(issue, range(JOBS)))
        jobs = list(pool.map(lambda number: clients[number % 2].await_job(job_ids[number]), range(JOBS)))

    assert Counter(job["status"] for job in jobs) == {"succeeded": JOBS}
    assert Counter(sink.functions.hits(id_).call() for id_ in ids) == {1: JOBS}
    for account in accounts:
        nonces = sorted(job["attempts"][-1]["nonce"] for job in jobs if job["accountAddress"] == account)
        assert nonces == list(range(nonces[0], nonces[0] + JOBS // 2))
        assert chain.eth.get_transaction_count(account) == chain.eth.get_transaction_count(account, "pending") > nonces[-1]

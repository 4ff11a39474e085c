"""The counting contract of the stack's tests."""

from web3 import Web3
from web3.contract import Contract

from tests.stack.client import Client, artifact, contract_at


def deployed_sink(issuer: Client, chain: Web3) -> Contract:
    """A new one, deployed by a job without a `to`."""
    job = issuer.await_job(issuer.issue(data=artifact("Sink")["bytecode"])["_id"])
    assert job["status"] == "succeeded", job
    return contract_at(chain, "Sink", job["data"]["contractAddress"])

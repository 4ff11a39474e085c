"""Jobs with one effect each that the chain can tell apart: tokens, or coins, to an address that nobody else pays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.stack.client import FINAL, Client, wait_for
from tests.stack.issuers import new_address
from tests.stack.upgrade.world import Node

AMOUNT = 7
"""Of every payment in tokens, in the smallest unit."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request that was taken, and the one job it made."""

    client: Client
    body: Mapping[str, Any]
    job_id: str

    @property
    def job(self) -> dict[str, Any]:
        return self.client.job(self.job_id)

    def final(self) -> dict[str, Any]:
        return self.client.await_job(self.job_id, FINAL)

    def cancel(self) -> None:
        self._ask("cancel")

    def retry(self) -> None:
        self._ask("retry")

    def _ask(self, verb: str) -> None:
        answer = self.client.post(f"/api/v2/jobs/{verb}/{self.job_id}")
        assert answer.status_code == 200, answer.text

    def times(self, node: Node) -> float:
        """How often it happened: what the receiver got, by what was asked for."""
        if "value" in self.body:
            return node.coins(self.body["to"]) / int(self.body["value"])
        return sum(node.transfers(self.body["to"], self.receiver)) / AMOUNT

    @property
    def receiver(self) -> str:
        return str(self.body["to"] if "value" in self.body else self.body["call"]["args"][0])

    def in_pool(self, node: Node) -> str:
        """The hash of its transaction, once it is signed and the node has it."""
        job = self.client.await_job(self.job_id, {"started"})
        wait_for(f"job {self.job_id} in the node", lambda: node.has(job["data"]["txHash"]) or None)
        return str(job["data"]["txHash"])


class Issuer:
    """Places orders with one token, each under a correlationId of its own."""

    def __init__(self, client: Client, account: str, token: str, name: str) -> None:
        self.client = client
        self.account = account
        self.orders: list[Order] = []
        self._token = token
        self._name = name

    def mint(self, to: str | None = None) -> Order:
        return self._place(self.next_mint(to))

    def transfer(self) -> Order:
        """Of the account's own tokens."""
        receiver = new_address()
        return self._place(self._body(to=self._token, call=_call("transfer(address,uint256)", receiver)))

    def send_coins(self, wei: int) -> Order:
        return self._place(self._body(to=new_address(), value=str(wei)))

    def next_mint(self, to: str | None = None) -> dict[str, Any]:
        """A request that was not made yet."""
        return self._body(to=self._token, call=_call("mint(address,uint256)", to or new_address()))

    def taken(self, body: Mapping[str, Any], job_id: str) -> Order:
        self.orders.append(Order(self.client, body, job_id))
        return self.orders[-1]

    def _place(self, body: Mapping[str, Any]) -> Order:
        return self.taken(body, self.client.issue(**body)["_id"])

    def _body(self, **asked: Any) -> dict[str, Any]:
        return {**asked, "correlationId": f"{self._name}-{len(self.orders)}"}


def _call(function: str, receiver: str) -> dict[str, Any]:
    return {"function": function, "args": [receiver, str(AMOUNT)]}

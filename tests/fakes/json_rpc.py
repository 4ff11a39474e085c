"""The simulated chain as a node speaks: JSON-RPC, each HTTP request counted. Stands in for `chalicelib.chain.rpc.transport`."""

import json
from collections import Counter
from typing import Any

from chalicelib.chain.rpc.json_without_lists import ListRemover
from chalicelib.chain.rpc.transport import Bound, HttpResponse, NoHttpResponse
from chalicelib.jobs.ports import BroadcastStatus, Call, GasEstimate
from tests.fakes.chain import GAS_LIMIT, SimulatedChain
from tests.fakes.ledger import Block, decode_transaction


class CountedNode:
    """`bodies` has one entry an HTTP request: the JSON-RPC methods in it and how often each."""

    def __init__(self, chain: SimulatedChain) -> None:
        self._chain = chain
        self.bodies: list[Counter[str]] = []
        self.large: set[str] = set()
        """Programmes of transactions whose receipts are larger than an answer may be, because of their logs."""
        self.too_large: set[str] = set()
        """Programmes whose receipts are too large to be read without their logs, too."""

    def transport(self, _url: str, _answer_bytes: int) -> "CountedNode":
        """What an endpoint makes itself a connection with."""
        return self

    def close_idle(self) -> None:
        """There is no connection."""

    def post(self, body: bytes, _seconds: float) -> HttpResponse | NoHttpResponse:
        return self._reply(body, self.large | self.too_large)

    def post_without_lists(self, body: bytes, _seconds: float, _answer_bytes: int) -> HttpResponse | NoHttpResponse:
        reply = self._reply(body, self.too_large)
        return HttpResponse(200, ListRemover().feed(reply.body), "") if isinstance(reply, HttpResponse) else reply

    def _reply(self, body: bytes, too_large: set[str]) -> HttpResponse | NoHttpResponse:
        asked = json.loads(body)
        items = asked if isinstance(asked, list) else [asked]
        self.bodies.append(Counter(item["method"] for item in items))
        if any(item["method"] == "eth_getTransactionReceipt" and self._is_one_of(too_large, *item["params"]) for item in items):
            return NoHttpResponse("node answered with too many bytes", maybe_received=True, bound=Bound.BYTES)
        answers = [{"jsonrpc": "2.0", "id": item["id"], **self._answer(item["method"], item["params"])} for item in items]
        return HttpResponse(200, json.dumps(answers if isinstance(asked, list) else answers[0]).encode(), "")

    def _answer(self, method: str, params: list[Any]) -> dict[str, Any]:  # noqa: PLR0911 -- one line a method
        chain = self._chain
        match method:
            case "eth_chainId":
                return {"result": hex(chain.network.chain_id)}
            case "eth_blockNumber":
                return {"result": hex(chain.blocks[-1].number)}
            case "eth_getBlockByNumber":
                block = self._block(params[0])
                return {"result": block and _block_object(block)}
            case "eth_feeHistory":
                return {"result": {"baseFeePerGas": [hex(chain.base_fee)], "gasUsedRatio": [], "reward": []}}
            case "eth_getTransactionCount":
                block = self._block(params[1])
                return {"result": hex(block.state.nonce(params[0]))} if block else _error("header not found")
            case "eth_getBalance":
                return {"result": hex(chain.account_view(params[0], []).spendable)}
            case "eth_estimateGas":
                return self._estimate(params[0])
            case "eth_sendRawTransaction":
                return self._send(bytes.fromhex(params[0].removeprefix("0x")))
            case "eth_getTransactionReceipt":
                return {"result": self._receipt(params[0])}
        return {"error": {"code": -32601, "message": f"the method {method} does not exist"}}

    def _is_one_of(self, programmes: set[str], hash_: str) -> bool:
        """Whether it is mined, and runs one of these programmes."""
        return bool(self._chain.receipts([hash_])) and self._chain.seen[hash_].data.decode() in programmes

    def _block(self, tag: str) -> Block | None:
        blocks = self._chain.blocks
        if tag == "latest":
            return blocks[-1]
        return blocks[int(tag, 16)] if int(tag, 16) < len(blocks) else None

    def _estimate(self, fields: dict[str, str]) -> dict[str, Any]:
        data = bytes.fromhex(fields["data"].removeprefix("0x"))
        (estimate,) = self._chain.estimate([Call(fields["from"], fields.get("to"), int(fields["value"], 16), data)])
        if isinstance(estimate, GasEstimate):
            return {"result": hex(estimate.gas)}
        return {"error": {"code": 3, "message": f"execution reverted: {estimate.reason}"}}

    def _send(self, raw: bytes) -> dict[str, Any]:
        status = self._chain._sent(raw).status
        if status is BroadcastStatus.ACCEPTED:
            return {"result": decode_transaction(raw).hash}
        return _error({BroadcastStatus.KNOWN: "already known", BroadcastStatus.NONCE_TOO_LOW: "nonce too low"}[status])

    def _receipt(self, hash_: str) -> dict[str, Any] | None:
        found = self._chain.receipts([hash_]).get(hash_)
        return found and {
            "transactionHash": found.hash,
            "blockNumber": hex(found.block_number),
            "blockHash": found.block_hash,
            "status": hex(found.succeeded),
            "gasUsed": hex(found.gas_used),
            "effectiveGasPrice": hex(found.effective_gas_price),
            "logs": [],
        }


def _block_object(block: Block) -> dict[str, str]:
    number, base_fee = hex(block.number), hex(block.base_fee)
    return {"number": number, "hash": block.hash, "baseFeePerGas": base_fee, "gasLimit": hex(GAS_LIMIT)}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"code": -32000, "message": message}}

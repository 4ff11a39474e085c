"""A stub whose answers take time, come in drips or are large: for the bounds of one RPC answer."""

import time
from typing import Any

from tests.unit.chain.stub_node import Http, StubNode


class SlowNode:
    """Answers the stub's methods one after the other, as nodes do; `seconds` and `padding` are functions of one request."""

    def __init__(self, stub: StubNode) -> None:
        self.stub = stub
        self.seconds = lambda item: 0.0
        self.padding = lambda item: 0
        stub.http = self.answer

    def answer(self, body: Any) -> Http:
        items = body if isinstance(body, list) else [body]
        time.sleep(sum(self.seconds(item) for item in items))
        replies = [self.reply(item) for item in items]
        return Http(body=replies if isinstance(body, list) else replies[0])

    def reply(self, item: dict[str, Any]) -> dict[str, Any]:
        if padding := self.padding(item):
            error = {"code": 3, "message": "execution reverted", "data": "0x" + "ab" * padding}
            return {"jsonrpc": "2.0", "id": item["id"], "error": error}
        return self.stub.reply(item)

    @property
    def sizes(self) -> list[int]:
        """How many requests were in each HTTP request."""
        return [len(body) if isinstance(body, list) else 1 for body in self.stub.asked]

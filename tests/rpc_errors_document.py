"""docs/rpc-errors.md, made from the table in the code: `python -m tests.rpc_errors_document` writes it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from chalicelib.chain.rpc.error_texts import (
    BROADCAST,
    FUNDS,
    HALTED,
    OUT_OF_GAS,
    REVERTED,
    THROTTLED,
    TOO_BIG,
    TOO_SLOW,
    UNSUPPORTED,
    Text,
)
from chalicelib.jobs.ports import BroadcastStatus

DOCUMENT = Path(__file__).parents[1] / "docs" / "rpc-errors.md"

_INTRODUCTION = """# What a node's error means

This page is made from `chalicelib/chain/rpc/error_texts.py`. After a change there, run
`python -m tests.rpc_errors_document`.

Clients use one code for several meanings and several codes for one. So the message decides. Each pattern is a regular
expression. It is searched for in the message in lower case, in the order of the tables. What no pattern matches stays unknown:
it is never taken for a refusal. The service then waits longer each time, and gives up in the end.

`tests/unit/chain/test_classify.py` holds every client's own sentence and what it must mean.
"""

_BROADCAST = {
    BroadcastStatus.UNKNOWN: "unknown: it may be mined all the same",
    BroadcastStatus.NONCE_TOO_LOW: "the nonce is used, perhaps by this very transaction",
    BroadcastStatus.KNOWN: "a node has seen it: it proves nothing more",
    BroadcastStatus.REPLACEMENT_UNDERPRICED: "another transaction with this nonce is in the pool, at a price too near",
    BroadcastStatus.POOL_FULL: "not taken now",
    BroadcastStatus.UNDERPRICED: "not taken at this price",
    BroadcastStatus.UNFUNDED: "not taken: the account cannot pay for it",
    BroadcastStatus.NEVER_VALID: "never taken by any node: its nonce is freed by a cancel transaction",
    BroadcastStatus.NONCE_TOO_HIGH: "not taken before earlier nonces are",
    BroadcastStatus.THROTTLED: "not looked at: a limit, or the node is syncing",
}

_ESTIMATES: Sequence[tuple[str, Sequence[Text]]] = (
    ("reverted: `EstimateReverted`", REVERTED),
    ("the account cannot pay: the job waits", FUNDS),
    ("out of gas: `EstimateReverted`, with what was allowed and needed", OUT_OF_GAS),
    ("cannot succeed: `EstimateReverted`", [text for text in HALTED if text not in OUT_OF_GAS]),
    ("throttled: asked again later, and of the next endpoint", THROTTLED),
    ("the node's own bound of time: asked by itself, then the job waits alone", TOO_SLOW),
    ("the node's own bound of bytes: asked by itself, then the job waits alone", TOO_BIG),
)


def document() -> str:
    broadcasts = ((_BROADCAST[status], texts) for status, texts in BROADCAST)
    return "\n".join(
        (
            _INTRODUCTION,
            "## Estimates and calls\n",
            "Code 3 always means a revert.\n",
            *_table(_ESTIMATES),
            "\n## Broadcasts\n",
            "Code 429 means a throttle, where the message says nothing.\n",
            *_table(broadcasts),
            "\n## Methods that a node does not have\n",
            "So do the codes -32601 and -32604, and -32004 without a message. The service then does without `eth_feeHistory`,",
            "`eth_simulateV1` or the `pending` block.\n",
            *_table([("the method is not supported", UNSUPPORTED)]),
            "",
        )
    )


def _table(meanings: Iterable[tuple[str, Sequence[Text]]]) -> Iterator[str]:
    yield "| means | pattern | read in |"
    yield "|---|---|---|"
    for meaning, texts in meanings:
        for text in texts:
            pattern = text.pattern.replace("|", "\\|")  # in a table, a bar ends the cell
            yield f"| {meaning} | `{pattern}` | {text.source} |"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")

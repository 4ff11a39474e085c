"""Writes docs/rpc-errors.md from the table in the code: `python -m tests.rpc_errors_document`."""

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
expression. It is searched for in the message in lower case, in the order of the tables. A message that no pattern matches is
unknown: it is never taken for a refusal. The service then waits longer each time, and gives up in the end.

`tests/unit/chain/rpc` holds the sentences of every client and what each must mean, in `broadcast_texts.py` and
`test_classify_simulations.py`.
"""

_BROADCAST = {
    BroadcastStatus.UNKNOWN: "unknown: the transaction may be mined all the same",
    BroadcastStatus.NONCE_TOO_LOW: "the nonce is used, perhaps by this very transaction",
    BroadcastStatus.KNOWN: "a node has seen the transaction; this proves nothing more",
    BroadcastStatus.REPLACEMENT_UNDERPRICED: "another transaction with this nonce is in the pool, and the prices are too close",
    BroadcastStatus.POOL_FULL: "not accepted now: the pool has no room for it",
    BroadcastStatus.UNDERPRICED: "not accepted at this price",
    BroadcastStatus.UNFUNDED: "not accepted: the account cannot pay for it",
    BroadcastStatus.NEVER_VALID: "no node will ever accept it: a cancel transaction frees its nonce",
    BroadcastStatus.NONCE_TOO_HIGH: "not accepted before transactions with earlier nonces",
    BroadcastStatus.THROTTLED: "not checked: a rate limit, or the node is syncing",
}

_ESTIMATES: Sequence[tuple[str, Sequence[Text]]] = (
    ("reverted: `EstimateReverted`", REVERTED),
    ("the account cannot pay: the job waits", FUNDS),
    ("out of gas: `EstimateReverted`, with what was allowed and needed", OUT_OF_GAS),
    ("cannot succeed: `EstimateReverted`", [text for text in HALTED if text not in OUT_OF_GAS]),
    ("throttled: sent again later, and to the next endpoint", THROTTLED),
    ("it took longer than the node allows: sent again by itself; if that takes too long as well, this job waits", TOO_SLOW),
    (
        "the answers were too large for the node: sent again by itself; if that is too large as well, this job waits",
        TOO_BIG,
    ),
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
            "Code 429 means throttled, where no pattern matches the message.\n",
            *_table(broadcasts),
            "\n## Methods that a node does not have\n",
            "The codes -32601 and -32604 mean the same, and so does -32004 without a message. The service then works without",
            "`eth_feeHistory`, `eth_simulateV1` or the `pending` block.\n",
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

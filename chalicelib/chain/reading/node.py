"""Reads and writes the chain over JSON-RPC: `chalicelib.jobs.ports.Chain`."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from chalicelib.chain.contracts.called_contracts import callees_of
from chalicelib.chain.contracts.wallet_code import WalletCode, bytes_of, is_clone, returned_by
from chalicelib.chain.reading.asked_price import AskedPrices, asked_price
from chalicelib.chain.reading.estimates import Estimates, call_fields
from chalicelib.chain.reading.fees import times
from chalicelib.chain.reading.nonces import user_of_nonce
from chalicelib.chain.reading.replays import passes_with_more_gas
from chalicelib.chain.reading.requests import (
    block_and_count,
    blocks_of,
    count_at,
    head_of,
    receipt_request,
    receipts_of,
    result_of,
)
from chalicelib.chain.rpc.classify import classify_broadcast, classify_estimate, is_throttled, message_of
from chalicelib.chain.rpc.client import Answer, RpcClient
from chalicelib.chain.rpc.quantities import quantity
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import SignedTransaction, TransactionRequest
from chalicelib.jobs.ports import (
    AccountView,
    Broadcast,
    BroadcastStatus,
    Call,
    CanonicalBlock,
    Code,
    Estimate,
    Head,
    Revert,
    TransactionsView,
)
from chalicelib.jobs.receipts import Receipt
from chalicelib.networks import Network

_REFUSALS = frozenset(
    {
        BroadcastStatus.NONCE_TOO_HIGH,
        BroadcastStatus.UNDERPRICED,
        BroadcastStatus.REPLACEMENT_UNDERPRICED,
        BroadcastStatus.UNFUNDED,
        BroadcastStatus.POOL_FULL,
        BroadcastStatus.NEVER_VALID,
        BroadcastStatus.THROTTLED,
    }
)
"""A node that answers so did not take the transaction. If an earlier endpoint may have taken it, the answer proves nothing."""


class Node:
    """Remembers, between calls, only what the nodes refuse to simulate, the price they ask for, and the code of wallets.

    Everything else is read again each time.
    """

    def __init__(self, network: Network, rpc: RpcClient, wallet_factory: str | None = None) -> None:
        self._network = network
        self._rpc = rpc
        self._estimates = Estimates(network, rpc)
        self._asked = AskedPrices(network.max_fee_cap)
        self._wallet_code = WalletCode(wallet_factory)

    # --- blocks and accounts -------------------------------------------------------------------------------------------

    def head(self) -> Head:
        return head_of(self._rpc.newest_block())

    def block_hash(self, number: int) -> str | None:
        """Return the hash of the node's block at this height now; None where it has no such block yet."""
        block = self._rpc.call("eth_getBlockByNumber", hex(number), False)
        return str(block["hash"]).lower() if isinstance(block, dict) and block.get("hash") else None

    def user_of_nonce(self, address: str, nonce: int, block_number: int) -> str | None:
        """Return the hash of the transaction, or of the block, that used this nonce (`nonces.user_of_nonce`)."""
        return user_of_nonce(self._rpc, address, nonce, block_number)

    def canonical_blocks(self, address: str, numbers: Collection[int]) -> dict[int, CanonicalBlock]:
        """Return the blocks that exist, by number, each with the count of transactions of `address` up to it: in one batch."""
        asked = sorted(set(numbers))
        answers = self._rpc.batch([request for number in asked for request in block_and_count(number, address)])
        headers, counts = answers[::2], answers[1::2]
        # Nodes keep headers for ever, but the state of some 128 blocks only: for older blocks there is a hash and no count.
        for answer in headers if any(count.error is None for count in counts) else counts[-1:]:
            result_of(answer, "to tell a block")
        return blocks_of(asked, answers)

    def balances(self, addresses: Sequence[str]) -> dict[str, int]:
        asked = list(dict.fromkeys(addresses))
        answers = self._rpc.read_together([("eth_getBalance", [address, "latest"]) for address in asked]) if asked else []
        return {
            address: quantity(result_of(answer, "eth_getBalance"), "balance")
            for address, answer in zip(asked, answers, strict=True)
        }

    def transaction_counts(self, addresses: Sequence[str]) -> dict[str, int]:
        asked = list(dict.fromkeys(addresses))
        answers = self._rpc.read_together([count_at(address, "latest") for address in asked]) if asked else []
        return {
            address: quantity(result_of(answer, "eth_getTransactionCount"), "transaction count")
            for address, answer in zip(asked, answers, strict=True)
        }

    def account_view(self, address: str, calls: Sequence[Call]) -> AccountView:
        """The account at the newest block, and what each call would do on the pending one (`Estimates.account_view`)."""
        view = self._estimates.account_view(address, calls)
        return replace(view, fees=self._asked.raised(view.fees))

    # --- simulation ----------------------------------------------------------------------------------------------------

    def estimate(self, calls: Sequence[Call]) -> list[Estimate]:
        """Simulate each call on the pending block, in one batch. Return one estimate a call, in order."""
        return self._estimates.of(calls)

    def revert_reason(self, call: Call, block_number: int) -> str:
        """Replay a mined revert and return its decoded reason; a sentence that says so when the reason cannot be found.

        It is replayed on the state of the parent block, then on that of its own block, because earlier transactions of that
        block may have made it revert. Each replay is made at a gas price, and without one in case the sender could not pay it.

        Raises ChainUnavailable when no endpoint answers. A replay that exceeds the client's bounds is given up.
        """
        network, fields = self._network, call_fields(call)
        price = times(network.min_base_fee, network.base_fee_multiplier) + network.min_priority_fee
        parent, own = hex(max(block_number - 1, 0)), hex(block_number)
        replays = [[shape, tag] for tag in (parent, own) for shape in (fields | {"gasPrice": hex(price)}, fields)]
        answers = self._rpc.batch([("eth_call", replay) for replay in replays])
        errors = [answer.error for answer in answers if answer.answered and answer.error is not None]
        over_bound = [message_of(answer.error) for answer in answers if answer.over_bound]
        if any(is_throttled(error) for error in errors) or not (over_bound or any(answer.answered for answer in answers)):
            raise ChainUnavailable("The chain's node did not replay the transaction.")
        meanings = [classify_estimate(error, call.gas) for error in errors]
        for meaning in meanings:
            if isinstance(meaning, Revert):
                return meaning.reason
        if over_bound or meanings:
            return f"reverted; the reason cannot be told: {over_bound[0] if over_bound else meanings[0].reason}"
        return "reverted; it passes when replayed before and after its block, so the reason cannot be told"

    def passes_with_more_gas(self, call: Call, block_number: int) -> bool:
        """Return whether a transaction that reverted in this block passes with more gas. Raises ChainUnavailable."""
        network = self._network
        price = times(network.min_base_fee, network.base_fee_multiplier) + network.min_priority_fee
        return passes_with_more_gas(self._rpc, call_fields(call), price, block_number)

    # --- contracts -----------------------------------------------------------------------------------------------------

    def callees(self, request: TransactionRequest) -> Sequence[str]:
        """Return the contracts that the transaction calls, also through the service's wallets."""
        return callees_of(request)

    def code_at(self, addresses: Sequence[str], depth: int) -> dict[str, Code]:
        """Return the kind of code at each of these addresses, `depth` blocks below the newest one.

        An address for which the node does not answer is left out. Raises ChainUnavailable when there is a clone, and the wallet
        factory's implementation cannot be read.
        """
        if not addresses:
            return {}
        block = hex(max(0, self.head().number - depth))
        answers = self._rpc.batch([("eth_getCode", [address, block]) for address in addresses])
        read = zip(addresses, (bytes_of(answer.result) for answer in answers), strict=True)
        codes = {address: code for address, code in read if code is not None}
        if any(is_clone(code) for code in codes.values()) and (asked := self._wallet_code.requests):
            for answer in self._rpc.read_together(asked):
                self._wallet_code.learn(returned_by(answer))
        return {address: self._kind_of(code) for address, code in codes.items()}

    def _kind_of(self, code: bytes) -> Code:
        if not code:
            return Code.NONE
        return Code.WALLET if self._wallet_code.is_of(code) else Code.OTHER

    # --- transactions --------------------------------------------------------------------------------------------------

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[Broadcast]:
        """Send the raw bytes in one JSON-RPC batch. Return one result a transaction, in order.

        The result is UNKNOWN when no endpoint answers. Raises ConfigurationError when an endpoint serves another chain.
        """
        try:
            answers = self._rpc.batch(
                [("eth_sendRawTransaction", [f"0x{transaction.raw.hex()}"]) for transaction in transactions]
            )
        except ChainUnavailable as error:
            return [Broadcast(BroadcastStatus.UNKNOWN, error.message)] * len(transactions)
        broadcasts = [_broadcast_of(transaction, answer) for transaction, answer in zip(transactions, answers, strict=True)]
        for broadcast in broadcasts:
            self._asked.note(broadcast)
        return broadcasts

    def receipts(self, hashes: Sequence[str]) -> dict[str, Receipt]:
        """Return the receipts of the mined transactions, by hash. A missing receipt decides nothing (invariant 8)."""
        return receipts_of(hashes, self._rpc.batch([receipt_request(hash_) for hash_ in hashes]))

    def transactions_view(self, address: str, hashes: Sequence[str], blocks: Collection[int] = ()) -> TransactionsView:
        """Read the newest block, the account's count of mined transactions, these receipts and these blocks from one endpoint.

        It is one HTTP request as long as the number of hashes, plus two for each block, is at most 98.
        """
        asked = sorted(set(blocks))

        block, (mined, *answers) = self._rpc.read_newest(
            [
                count_at(address, "latest"),
                *(receipt_request(hash_) for hash_ in hashes),
                *(request for number in asked for request in block_and_count(number, address)),
            ]
        )
        head = head_of(block)
        by_hash = dict(zip(hashes, answers, strict=False))
        too_large = frozenset(hash_ for hash_, answer in by_hash.items() if answer.over_bound)
        read = [hash_ for hash_ in hashes if hash_ not in too_large]
        return TransactionsView(
            head=head.number,
            mined_count=quantity(result_of(mined, "eth_getTransactionCount"), "transaction count"),
            receipts=receipts_of(read, [by_hash[hash_] for hash_ in read]),
            blocks=blocks_of(asked, answers[len(hashes) :]),
            base_fee=head.base_fee,
            too_large=too_large,
        )


def _broadcast_of(transaction: SignedTransaction, answer: Answer) -> Broadcast:
    """Return what the answer to eth_sendRawTransaction means for this transaction."""

    if not answer.answered:
        return Broadcast(BroadcastStatus.UNKNOWN, str(answer.error))
    if answer.error is None:
        if str(answer.result).lower() == transaction.hash.lower():
            return Broadcast(BroadcastStatus.ACCEPTED)
        # Besu answers with an empty hash for an invalid transaction.
        return Broadcast(BroadcastStatus.UNKNOWN, "the node answered with another hash")
    refused = classify_broadcast(answer.error)
    if refused.status is BroadcastStatus.UNDERPRICED:
        minimum_fee, minimum_tip = asked_price(message_of(answer.error))
        refused = replace(refused, minimum_fee=minimum_fee, minimum_tip=minimum_tip)
    if answer.maybe_received and refused.status in _REFUSALS:
        return Broadcast(BroadcastStatus.UNKNOWN, refused.message)
    return refused

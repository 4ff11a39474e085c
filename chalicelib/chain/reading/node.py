"""The chain as the domain sees it, over JSON-RPC: `chalicelib.jobs.ports.Chain`."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from chalicelib.chain.contracts.callees import callees_of
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
"""What says that a transaction is in no pool. After an endpoint that may have taken it, another's refusal does not say so."""


class Node:
    """Remembered between calls is only how the nodes simulate, what price they ask for and which code the service's wallets
    have: all else is read anew.
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
        """Of the block at this height on the chain the node follows now; None where it has none yet."""
        block = self._rpc.call("eth_getBlockByNumber", hex(number), False)
        return str(block["hash"]).lower() if isinstance(block, dict) and block.get("hash") else None

    def user_of_nonce(self, address: str, nonce: int, block_number: int) -> str | None:
        """Hash of the transaction that used this nonce, or of the block where an authorization did; None when not proven."""
        return user_of_nonce(self._rpc, address, nonce, block_number)

    def canonical_blocks(self, address: str, numbers: Collection[int]) -> dict[int, CanonicalBlock]:
        """Those that there are, by number, each with the transactions of `address` mined by then: in one request."""
        asked = sorted(set(numbers))
        answers = self._rpc.batch([request for number in asked for request in block_and_count(number, address)])
        headers, counts = answers[::2], answers[1::2]
        # Nodes keep headers for ever, and the state of some 128 blocks: of older ones only the hash is told.
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
        outlook = self._estimates.account_view(address, calls)
        return replace(outlook, fees=self._asked.raised(outlook.fees))

    # --- simulation ----------------------------------------------------------------------------------------------------

    def estimate(self, calls: Sequence[Call]) -> list[Estimate]:
        """Simulate each against the pending state, in one batch. One answer a call, in order."""
        return self._estimates.of(calls)

    def revert_reason(self, call: Call, block_number: int) -> str:
        """Replay a mined revert and decode why; a sentence saying so when it cannot be told.

        On the state of the parent block; then on that of its own block, as what stood before it there may have made it revert.
        Each at a gas price, and without one in case the sender could not pay it. Raises ChainUnavailable when nobody answers.
        A replay that is too slow or too large is given up within the client's bounds.
        """
        network, fields = self._network, call_fields(call)
        price = times(network.min_base_fee, network.base_fee_multiplier) + network.min_priority_fee
        parent, own = hex(max(block_number - 1, 0)), hex(block_number)
        replays = [[shape, tag] for tag in (parent, own) for shape in (fields | {"gasPrice": hex(price)}, fields)]
        answers = self._rpc.batch([("eth_call", replay) for replay in replays])
        errors = [answer.error for answer in answers if answer.answered and answer.error is not None]
        told = [message_of(answer.error) for answer in answers if answer.alone]
        if any(is_throttled(error) for error in errors) or not (told or any(answer.answered for answer in answers)):
            raise ChainUnavailable("The chain's node did not replay the transaction.")
        outcomes = [classify_estimate(error, call.gas) for error in errors]
        for outcome in outcomes:
            if isinstance(outcome, Revert):
                return outcome.reason
        if told or outcomes:
            return f"reverted; the reason cannot be told: {told[0] if told else outcomes[0].reason}"
        return "reverted; it passes when replayed before and after its block, so the reason cannot be told"

    def passes_with_more_gas(self, call: Call, block_number: int) -> bool:
        """Whether a transaction that reverted in this block passes when it may take more gas. Raises ChainUnavailable."""
        network = self._network
        price = times(network.min_base_fee, network.base_fee_multiplier) + network.min_priority_fee
        return passes_with_more_gas(self._rpc, call_fields(call), price, block_number)

    # --- contracts -----------------------------------------------------------------------------------------------------

    def callees(self, request: TransactionRequest) -> Sequence[str]:
        """The contracts that the transaction calls, also through the service's wallets."""
        return callees_of(request)

    def code_at(self, addresses: Sequence[str], depth: int) -> dict[str, Code]:
        """What stands at each of these addresses `depth` blocks below the newest one, as far as a node tells: an address that
        is left out is not known to be without code. Raises ChainUnavailable where it cannot be told what a clone is one of.
        """
        if not addresses:
            return {}
        block = hex(max(0, self.head().number - depth))
        answers = self._rpc.batch([("eth_getCode", [address, block]) for address in addresses])
        read = zip(addresses, (bytes_of(answer.result) for answer in answers), strict=True)
        codes = {address: code for address, code in read if code is not None}
        if any(is_clone(code) for code in codes.values()) and (asked := self._wallet_code.questions):
            for answer in self._rpc.read_together(asked):
                self._wallet_code.learn(returned_by(answer))
        return {address: self._kind_of(code) for address, code in codes.items()}

    def _kind_of(self, code: bytes) -> Code:
        if not code:
            return Code.NONE
        return Code.WALLET if self._wallet_code.is_of(code) else Code.OTHER

    # --- transactions --------------------------------------------------------------------------------------------------

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[Broadcast]:
        """Send the raw bytes in one JSON-RPC batch. One answer a transaction, in order: UNKNOWN when nobody answers.

        Raises ConfigurationError when an endpoint is of another chain.
        """
        try:
            answers = self._rpc.batch(
                [("eth_sendRawTransaction", [f"0x{transaction.raw.hex()}"]) for transaction in transactions]
            )
        except ChainUnavailable as error:
            return [Broadcast(BroadcastStatus.UNKNOWN, error.message)] * len(transactions)
        outcomes = [_outcome(transaction, answer) for transaction, answer in zip(transactions, answers, strict=True)]
        for outcome in outcomes:
            self._asked.note(outcome)
        return outcomes

    def receipts(self, hashes: Sequence[str]) -> dict[str, Receipt]:
        """Receipts of those that are mined. Absence from the result decides nothing (invariant 8)."""
        return receipts_of(hashes, self._rpc.batch([receipt_request(hash_) for hash_ in hashes]))

    def transactions_view(self, address: str, hashes: Sequence[str], blocks: Collection[int] = ()) -> TransactionsView:
        """The newest block, the account's mined transactions, these receipts and these blocks: in one request of one endpoint
        as long as `hashes` and two for each block are no more than 98.
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
        told = dict(zip(hashes, answers, strict=False))
        too_large = frozenset(hash_ for hash_, answer in told.items() if answer.alone)
        read = [hash_ for hash_ in hashes if hash_ not in too_large]
        return TransactionsView(
            head=head.number,
            mined_count=quantity(result_of(mined, "eth_getTransactionCount"), "transaction count"),
            receipts=receipts_of(read, [told[hash_] for hash_ in read]),
            blocks=blocks_of(asked, answers[len(hashes) :]),
            base_fee=head.base_fee,
            too_large=too_large,
        )


def _outcome(transaction: SignedTransaction, answer: Answer) -> Broadcast:
    if not answer.answered:
        return Broadcast(BroadcastStatus.UNKNOWN, str(answer.error))
    if answer.error is None:
        if str(answer.result).lower() == transaction.hash.lower():
            return Broadcast(BroadcastStatus.ACCEPTED)
        return Broadcast(
            BroadcastStatus.UNKNOWN, "the node answered with another hash"
        )  # Besu's empty hash, for an invalid one
    told = classify_broadcast(answer.error)
    if told.status is BroadcastStatus.UNDERPRICED:
        minimum_fee, minimum_tip = asked_price(message_of(answer.error))
        told = replace(told, minimum_fee=minimum_fee, minimum_tip=minimum_tip)
    if answer.doubtful and told.status in _REFUSALS:
        return Broadcast(BroadcastStatus.UNKNOWN, told.message)
    return told

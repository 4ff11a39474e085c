"""A chain in memory that keeps the promises of the `Chain` port, and lies on demand as real nodes do.

It is deterministic: nothing is mined but by `mine`, and nothing lies but what a test has switched on.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Fees, SignedTransaction, TransactionRequest, UnsignedTransaction
from chalicelib.jobs.ports import (
    AccountView,
    Broadcast,
    BroadcastStatus,
    Call,
    CanonicalBlock,
    Code,
    Estimate,
    GasEstimate,
    Head,
    Revert,
    TransactionsView,
    Unavailable,
    Unfunded,
)
from chalicelib.jobs.receipts import ContractEvent, Receipt
from chalicelib.networks import Network
from tests.fakes.ledger import (
    TRANSFER_GAS,
    Block,
    Mined,
    Reverted,
    State,
    Transaction,
    decode_transaction,
    encode_transaction,
    gas_needed,
)

GAS_LIMIT = 20_000_000
ETHER = 10**18


@dataclass
class Lies:
    """What the nodes get wrong, until it is switched off again. Counts go down as they are used."""

    silent: bool = False
    """Nobody answers anything."""
    drops: int = 0
    """So many broadcasts are answered with success and forgotten."""
    claims_known: int = 0
    """So many broadcasts are answered with `already known`, though they are in no pool."""
    takes_but_fails: int = 0
    """So many broadcasts are taken into the pool and answered with an error that says nothing."""
    takes_without_answer: int = 0
    """So many batches of broadcasts are taken into the pool, and the answer is lost."""
    hides_receipts: bool = False
    hides_code: bool = False
    """Whether code stands at an address is told by no answer."""
    lag: dict[str, int] = field(default_factory=dict)
    """By method: it is answered by a node so many blocks behind."""
    stale_receipts: bool = False
    """Receipts come from a node that still follows the blocks a reorg has removed."""
    simulates_on_latest: bool = False
    """Estimates see nothing of the pool."""
    unavailable_estimates: bool = False
    too_much: set[bytes] = field(default_factory=set)
    """Estimates of calls with this data are too slow or too large for the nodes, each by itself."""
    never_valid: set[bytes] = field(default_factory=set)
    """Transactions with this data are refused for good."""


class SimulatedChain:
    """One account's transactions are mined in nonce order; a pool keeps those with a gap before them."""

    def __init__(self, network: Network, balances: Mapping[str, int]) -> None:
        self.network = network
        self.base_fee = network.min_base_fee
        self.least_tip = network.min_priority_fee
        """Miners take nothing below it; the pool does."""
        self.asks_for_tip = 0
        """The pool takes nothing below it either, and says so; `fees` tells it once it was said."""
        self._asked_for_tip = 0
        self.transactions_per_block = 400
        self.lies = Lies()
        self.pool: dict[str, dict[int, Transaction]] = {}
        self.removed: list[Block] = []
        self.made_at: dict[int, datetime] = {}
        """When a block was made, by its number, where a test says so."""
        genesis = Block(0, _block_hash(0, 0), self.base_fee, (), State(dict(balances)))
        self.blocks = [genesis]
        self._authorizations: dict[str, int] = {}
        self.contracts: dict[str, int] = {}
        """Where code stands, since which block: as a test says."""
        self.wallets: dict[str, int] = {}
        """Where a wallet of the stage's factory stands that somebody else had it make, since which block."""
        self._forks = 0
        self.seen: dict[str, Transaction] = {}
        """Every transaction that was ever sent, in the order of its first broadcast."""

    # --- what happens ------------------------------------------------------------------------------------------------

    def mine(self, blocks: int = 1, *, empty: bool = False) -> None:
        for _ in range(blocks):
            self.blocks.append(self._next_block(empty))
            self._forget_used()

    def reorg(self, depth: int, *, drop: bool = False) -> None:
        """Replace the newest `depth` blocks by `depth` + 1 empty ones. What was in them is in the pool again, or lost."""
        self._forks += 1
        removed = self.blocks[-depth:]
        del self.blocks[-depth:]
        self.removed += removed
        if not drop:
            for block in removed:
                for mined in block.mined:
                    self._pool_of(mined.transaction.sender).setdefault(mined.transaction.nonce, mined.transaction)
        self.mine(depth + 1, empty=True)

    def drop(self, *hashes: str) -> None:
        """The nodes forget these transactions (all of them when none is named)."""
        for of_sender in self.pool.values():
            for nonce, transaction in list(of_sender.items()):
                if not hashes or transaction.hash in hashes:
                    del of_sender[nonce]

    def mine_directly(self, raw: bytes) -> None:
        """Another node had this one in its pool: it is mined in the next block whatever ours hold."""
        transaction = decode_transaction(raw)
        self._pool_of(transaction.sender)[transaction.nonce] = transaction
        self.mine()

    def send_foreign(self, sender: str, nonce: int | None = None, data: bytes = b"hit foreign") -> str:
        """Another program uses the same key. It wins its nonce: it is in the pool whatever was there."""
        nonce = self.state.nonce(sender) if nonce is None else nonce
        fees = Fees(400 * 10**9, 10 * 10**9)
        unsigned = UnsignedTransaction(self.network.chain_id, nonce, sender, 0, data, 100_000, fees)
        hash_, raw = encode_transaction(sender, unsigned, "another program's")
        self._pool_of(sender)[nonce] = decode_transaction(raw)
        return hash_

    def authorize(self, address: str, times: int = 1) -> None:
        """The next block holds another account's transaction that carries so many authorizations of this one (EIP-7702)."""
        self._authorizations[address] = self._authorizations.get(address, 0) + times

    def fund(self, address: str, wei: int) -> None:
        """From the newest block on."""
        self.state.balances[address] = self.state.balance(address) + wei

    def balance(self, address: str) -> int:
        return self.state.balance(address)

    # --- what is true ------------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.blocks[-1].state

    def hits(self, what: str) -> int:
        """How often this took effect on the chain as it is now."""
        return sum(mined.hits.count(what) for block in self.blocks for mined in block.mined)

    def mined_hashes(self) -> list[str]:
        return [mined.transaction.hash for block in self.blocks for mined in block.mined]

    def order_of_effects(self) -> list[str]:
        return [hit for block in self.blocks for mined in block.mined for hit in mined.hits]

    def made_wallets(self) -> dict[str, int]:
        """Where a wallet stands that a transaction made, since which block."""
        events = ((event, block) for block in self.blocks for mined in block.mined for event in _receipt(mined, block).events)
        return {event.args["wallet"]: block.number for event, block in events if "wallet" in event.args}

    # --- the port ----------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        self._answer()
        block = self._seen_by("head")[-1]
        return Head(block.number, block.base_fee)

    def account_view(self, address: str, calls: Sequence[Call]) -> AccountView:
        """Parts of it may come from a node that lags, as when a proxy spreads a batch over several."""
        self._answer()
        block = self._seen_by("head")[-1]
        balance = self.state.balance(address)
        return AccountView(
            head=Head(block.number, block.base_fee),
            fees=self.fees(),
            mined_count=self._seen_by("transaction_count")[-1].state.nonce(address),
            balance=balance,
            spendable=min(balance, self._simulated_state().balance(address)),
            next_base_fee=self.base_fee,
            block_gas_limit=GAS_LIMIT,
            estimates=tuple(self.estimate(calls)),
        )

    def balances(self, addresses: Sequence[str]) -> dict[str, int]:
        self._answer()
        return {address: self.state.balance(address) for address in addresses}

    def transaction_counts(self, addresses: Sequence[str]) -> dict[str, int]:
        self._answer()
        state = self._seen_by("transaction_count")[-1].state
        return {address: state.nonce(address) for address in addresses}

    def fees(self) -> Fees:
        network = self.network
        base_fee = max(self.blocks[-1].base_fee, self.base_fee, network.min_base_fee)
        tip = min(max(self.least_tip, network.min_priority_fee), network.max_priority_fee)
        tip = max(tip, self._asked_for_tip)
        max_fee = min(int(base_fee * network.base_fee_multiplier) + tip, network.max_fee_cap)
        return Fees(max_fee, min(tip, max_fee))

    def canonical_blocks(self, address: str, numbers: Collection[int]) -> dict[int, CanonicalBlock]:
        self._answer()
        counted, named = self._seen_by("transaction_count"), self._seen_by("block_hash")
        there = range(min(len(counted), len(named)))
        return {
            number: CanonicalBlock(named[number].hash, counted[number].state.nonce(address), self.made_at.get(number))
            for number in numbers
            if number in there
        }

    def transactions_view(self, address: str, hashes: Sequence[str], blocks: Collection[int] = ()) -> TransactionsView:
        """Parts of it may come from a node that lags, as when a proxy spreads a batch over several."""
        self._answer()
        mined = self._seen_by("transaction_count")[-1].state.nonce(address)
        head = self._seen_by("head")[-1]
        return TransactionsView(
            head.number, mined, self.receipts(hashes), self.canonical_blocks(address, blocks), head.base_fee
        )

    def estimate(self, calls: Sequence[Call]) -> list[Estimate]:
        self._answer()
        if self.lies.unavailable_estimates:
            return [Unavailable("no RPC endpoint answered")] * len(calls)
        state = self._simulated_state()
        return [self._estimated(call, state) for call in calls]

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[Broadcast]:
        self._answer()
        answers = [self._sent(transaction.raw) for transaction in transactions]
        if self.lies.takes_without_answer > 0:
            self.lies.takes_without_answer -= 1
            return [Broadcast(BroadcastStatus.UNKNOWN, "no answer")] * len(answers)
        return answers

    def receipts(self, hashes: Sequence[str]) -> dict[str, Receipt]:
        self._answer()
        if self.lies.hides_receipts:
            return {}
        blocks: Iterable[Block] = self._seen_by("receipts")
        if self.lies.stale_receipts:
            blocks = [*blocks, *self.removed]
        wanted = set(hashes)
        return {
            mined.transaction.hash: _receipt(mined, block)
            for block in blocks
            for mined in block.mined
            if mined.transaction.hash in wanted
        }

    def block_hash(self, number: int) -> str | None:
        self._answer()
        return self._hash_of(number)

    def user_of_nonce(self, address: str, nonce: int, block_number: int) -> str | None:
        self._answer()
        for block in self._seen_by("user_of_nonce")[: block_number + 1]:
            for mined in block.mined:
                if mined.transaction.sender == address and mined.transaction.nonce == nonce:
                    return mined.transaction.hash
            if block.state.nonce(address) > nonce:
                return block.hash
        return None

    def callees(self, request: TransactionRequest) -> Sequence[str]:
        """`to`, and what each `call <address>` of the programme names."""
        instructions = (instruction.partition(" ") for instruction in request.data.decode().split(";"))
        inner = [what for verb, _, what in instructions if verb == "call"]
        return [] if request.to is None else list(dict.fromkeys([request.to, *inner]))

    def code_at(self, addresses: Sequence[str], depth: int) -> dict[str, Code]:
        self._answer()
        if self.lies.hides_code:
            return {}
        block = max(0, self.blocks[-1].number - depth)
        wallets = self.wallets | self.made_wallets()
        since = {**self.contracts, **self._deployed(), **wallets}
        there = {address for address in addresses if since.get(address, block + 1) <= block}
        standing = {address: Code.WALLET if address in wallets else Code.OTHER for address in there}
        return {address: standing.get(address, Code.NONE) for address in addresses}

    def revert_reason(self, call: Call, block_number: int) -> str:
        self._answer()
        try:
            state = self.blocks[block_number - 1].state.copy()
            state.run(call.sender, call.to, call.value, call.data, mined=True)
        except Reverted as error:
            return str(error)
        return "reverted; the reason cannot be told"

    def passes_with_more_gas(self, call: Call, block_number: int) -> bool:
        self._answer()
        for block in self.blocks[block_number - 1 : block_number + 1]:
            try:
                block.state.copy().run(call.sender, call.to, call.value, call.data, mined=True)
            except Reverted:
                continue
            return True
        return False

    # --- inside ------------------------------------------------------------------------------------------------------

    def _deployed(self) -> dict[str | None, int]:
        return {_created(mined): block.number for block in self.blocks for mined in block.mined}

    def _answer(self) -> None:
        if self.lies.silent:
            raise ChainUnavailable("No RPC endpoint of the chain answers.")

    def _seen_by(self, method: str) -> list[Block]:
        lag = min(self.lies.lag.get(method, 0), len(self.blocks) - 1)
        return self.blocks[:-lag] if lag else self.blocks

    def _hash_of(self, number: int) -> str | None:
        blocks = self._seen_by("block_hash")
        return blocks[number].hash if number < len(blocks) else None

    def _simulated_state(self) -> State:
        return self._seen_by("estimate")[-1].state if self.lies.simulates_on_latest else self._pending_state()

    def _pool_of(self, sender: str) -> dict[int, Transaction]:
        return self.pool.setdefault(sender, {})

    def _sent(self, raw: bytes) -> Broadcast:
        transaction = decode_transaction(raw)
        self.seen.setdefault(transaction.hash, transaction)
        if self.lies.drops > 0:
            self.lies.drops -= 1
            return Broadcast(BroadcastStatus.ACCEPTED)
        if self.lies.claims_known > 0:
            self.lies.claims_known -= 1
            return Broadcast(BroadcastStatus.KNOWN, "already known")
        status = self._judged(transaction)
        if status is BroadcastStatus.ACCEPTED:
            self._pool_of(transaction.sender)[transaction.nonce] = transaction
        if self.lies.takes_but_fails > 0:
            self.lies.takes_but_fails -= 1
            return Broadcast(BroadcastStatus.UNKNOWN, "internal error")
        if status is not BroadcastStatus.UNDERPRICED or not self.asks_for_tip:
            return Broadcast(status)
        self._asked_for_tip = self.asks_for_tip
        return Broadcast(status, minimum_tip=self.asks_for_tip)

    def _judged(self, transaction: Transaction) -> BroadcastStatus:  # noqa: PLR0911 -- one line a rule
        """As geth orders its checks; the replacement rule is 10 % on both fees."""
        pool, fees = self._pool_of(transaction.sender), transaction.fees
        if transaction.chain_id != self.network.chain_id or transaction.data in self.lies.never_valid:
            return BroadcastStatus.NEVER_VALID
        if not TRANSFER_GAS <= transaction.gas <= GAS_LIMIT or transaction.tip > fees.max_fee_per_gas:
            return BroadcastStatus.NEVER_VALID
        earlier = pool.get(transaction.nonce)
        if earlier is not None and earlier.hash == transaction.hash:
            return BroadcastStatus.KNOWN
        if transaction.nonce < self.state.nonce(transaction.sender):
            return BroadcastStatus.NONCE_TOO_LOW
        if transaction.tip < max(self.network.min_priority_fee, self.asks_for_tip):
            return BroadcastStatus.UNDERPRICED
        others = sum(other.cost for other in pool.values() if other is not earlier)
        if others + transaction.cost > self.state.balance(transaction.sender):
            return BroadcastStatus.UNFUNDED
        if earlier is not None and (
            fees.max_fee_per_gas * 10 < earlier.fees.max_fee_per_gas * 11 or transaction.tip * 10 < earlier.tip * 11
        ):
            return BroadcastStatus.REPLACEMENT_UNDERPRICED
        return BroadcastStatus.ACCEPTED

    def _ready(self, state: State) -> list[Transaction]:
        """What of the pool can be mined on this state, in nonce order."""
        ready = []
        for sender in sorted(self.pool):
            nonce = state.nonce(sender)
            while (transaction := self.pool[sender].get(nonce)) is not None:
                ready.append(transaction)
                nonce += 1
        return ready

    def _next_block(self, empty: bool) -> Block:
        parent = self.blocks[-1]
        number = parent.number + 1
        state, mined = self._authorized(parent.state) if not empty else parent.state, []
        ready = [] if empty else self._ready(state)[: self.transactions_per_block]
        if ready:
            state = state.copy()
        held_back: set[str] = set()
        for transaction in ready:
            fees = transaction.fees
            price = min(fees.max_fee_per_gas, self.base_fee + transaction.tip)
            affordable = state.balance(transaction.sender) >= transaction.cost
            if price - self.base_fee < self.least_tip or not affordable or transaction.sender in held_back:
                held_back.add(transaction.sender)
                continue
            succeeded, hits, gas_used = state.apply(transaction, price, mined=True)
            mined.append(Mined(transaction, succeeded, tuple(hits), price, gas_used))
        return Block(number, _block_hash(number, self._forks), self.base_fee, tuple(mined), state)

    def _authorized(self, state: State) -> State:
        """The state after the other account's transaction, which stands first in its block."""
        if not self._authorizations:
            return state
        state = state.copy()
        for address, times in self._authorizations.items():
            state.nonces[address] = state.nonce(address) + times
        self._authorizations = {}
        return state

    def _forget_used(self) -> None:
        for sender, of_sender in self.pool.items():
            for nonce in [nonce for nonce in of_sender if nonce < self.state.nonce(sender)]:
                del of_sender[nonce]

    def _pending_state(self) -> State:
        state = self.state.copy()
        for transaction in self._ready(state):
            state.apply(transaction, self.base_fee, mined=False)
        return state

    def _estimated(self, call: Call, state: State) -> Estimate:
        if call.data in self.lies.too_much:
            return Unavailable("it is too much for the node by itself", alone=True)
        if call.gas is not None and call.gas > GAS_LIMIT:
            return Revert(f"the gas limit {call.gas} is above the block's {GAS_LIMIT}")
        gas = call.gas or int(gas_needed(call.data, state.flags) * self.network.gas_multiplier)
        try:
            state.copy().run(call.sender, call.to, 0, call.data, mined=False)
        except Reverted as error:
            return Revert(str(error))
        least = call.value + gas * (self.network.min_base_fee + self.network.min_priority_fee)
        if state.balance(call.sender) < least:
            return Unfunded(f"the sender has {state.balance(call.sender)} wei; value and gas take at least {least}")
        return GasEstimate(gas)


def _receipt(mined: Mined, block: Block) -> Receipt:
    return Receipt(
        hash=mined.transaction.hash,
        block_number=block.number,
        block_hash=block.hash,
        succeeded=mined.succeeded,
        gas_used=mined.gas_used,
        effective_gas_price=mined.price,
        contract_address=_created(mined),
        events=tuple(_events(mined, block)) if mined.succeeded else (),
    )


def _created(mined: Mined) -> str | None:
    transaction = mined.transaction
    return created_address(transaction.sender, transaction.nonce) if transaction.to is None and mined.succeeded else None


def created_address(sender: str, nonce: int) -> str:
    """Where the contract stands that this account deploys with this nonce: known before, as with CREATE."""
    return "0x" + hashlib.sha256(f"{sender}{nonce}".encode()).hexdigest()[:40]


def made_address(transaction_hash: str, block_hash: str) -> str:
    """Where a contract stands that a transaction made: in another block it is another address, as if others came before it."""
    return "0x" + hashlib.sha256(f"{transaction_hash}{block_hash}".encode()).hexdigest()[:40]


def _events(mined: Mined, block: Block) -> Iterator[ContractEvent]:
    """Of each `make <event>` in the programme: the called contract says that it made something for the sender."""
    transaction = mined.transaction
    for instruction in transaction.data.decode().split(";"):
        verb, _, name = instruction.partition(" ")
        if verb == "make":
            kind = "token" if name.startswith("Token") else "wallet"
            made = made_address(transaction.hash, block.hash)
            yield ContractEvent(transaction.to or "", name, {kind: made, "owner": transaction.sender})


def _block_hash(number: int, fork: int) -> str:
    return "0x" + hashlib.sha256(f"{number}/{fork}".encode()).hexdigest()

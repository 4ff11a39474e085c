"""What a simulated chain is made of: transactions as opaque bytes, blocks, and a state that a tiny programme changes.

The `data` of a transaction is its programme: instructions separated by `;`, run in order, all or nothing.

| instruction | does |
|---|---|
| `hit id` | counts: the effect that exactly-once is asserted on |
| `set flag`, `unset flag` | changes the state, as an approval does |
| `need flag`, `forbid flag` | reverts unless, or if, the flag is set, as a transferFrom without approval does |
| `fail reason` | reverts, in a simulation and when mined |
| `trap reason` | passes every simulation and reverts when mined |
| `burn reason` | the same, and takes all gas there is, as an invalid opcode does |
| `fill slot` | sets a flag; takes more gas where it is not set yet, as a fresh storage slot does |
| `make event` | makes a contract, which the receipt's event of this name tells (`chain.made_address`) |
"""

import hashlib
import json
from dataclasses import dataclass, field

from chalicelib.jobs.model import Fees, UnsignedTransaction

TRANSFER_GAS = 21_000
GAS_PER_BYTE = 100
FRESH_SLOT_GAS = 22_100


class Reverted(Exception):
    """A programme stopped; its text is the reason."""

    burns = False


class Burnt(Reverted):
    """It stopped and took all gas with it."""

    burns = True


@dataclass(frozen=True)
class Transaction:
    """A signed transaction as the chain reads it from its raw bytes."""

    hash: str
    chain_id: int
    sender: str
    nonce: int
    to: str | None
    value: int
    data: bytes
    gas: int
    fees: Fees

    @property
    def tip(self) -> int:
        return self.fees.max_fee_per_gas if self.fees.max_priority_fee_per_gas is None else self.fees.max_priority_fee_per_gas

    @property
    def cost(self) -> int:
        """The most it can take from its sender, in wei."""
        return self.value + self.gas * self.fees.max_fee_per_gas


def gas_needed(data: bytes, flags: set[str]) -> int:
    """Gas that a transaction with this programme takes on a state with these flags."""
    filled = {what for verb, _, what in _instructions(data) if verb == "fill"}
    return TRANSFER_GAS + GAS_PER_BYTE * len(data) + FRESH_SLOT_GAS * len(filled - flags)


def _instructions(data: bytes) -> list[tuple[str, str, str]]:
    return [instruction.partition(" ") for instruction in data.decode().split(";") if instruction]


def encode_transaction(sender: str, unsigned: UnsignedTransaction, signature: str) -> tuple[str, bytes]:
    """(hash, raw): the same transaction signed twice is the same bytes."""
    fields = {
        "chainId": unsigned.chain_id,
        "from": sender,
        "nonce": unsigned.nonce,
        "to": unsigned.to,
        "value": unsigned.value,
        "gas": unsigned.gas,
        "maxFee": unsigned.fees.max_fee_per_gas,
        "tip": unsigned.fees.max_priority_fee_per_gas,
        "signature": signature,
    }
    raw = json.dumps(fields, sort_keys=True).encode() + b"\n" + unsigned.data  # as it is, like a real one
    return transaction_hash(raw), raw


def transaction_hash(raw: bytes) -> str:
    return "0x" + hashlib.sha256(raw).hexdigest()


def decode_transaction(raw: bytes) -> Transaction:
    """Raises ValueError for bytes that are no transaction."""
    head, _, data = raw.partition(b"\n")
    fields = json.loads(head)
    return Transaction(
        hash=transaction_hash(raw),
        chain_id=fields["chainId"],
        sender=fields["from"],
        nonce=fields["nonce"],
        to=fields["to"],
        value=fields["value"],
        data=data,
        gas=fields["gas"],
        fees=Fees(fields["maxFee"], fields["tip"]),
    )


@dataclass
class State:
    balances: dict[str, int]
    nonces: dict[str, int] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    def copy(self) -> "State":
        return State(dict(self.balances), dict(self.nonces), set(self.flags))

    def nonce(self, address: str) -> int:
        return self.nonces.get(address, 0)

    def balance(self, address: str) -> int:
        return self.balances.get(address, 0)

    def apply(self, transaction: Transaction, price: int, *, mined: bool) -> tuple[bool, list[str], int]:
        """Run one transaction: whether it succeeded, what it hit, and the gas it used. A revert keeps the fee and the nonce."""
        self.nonces[transaction.sender] = transaction.nonce + 1
        succeeded, hits, used = self._outcome(transaction, mined)
        self.balances[transaction.sender] = self.balance(transaction.sender) - used * price
        return succeeded, hits, used

    def _outcome(self, transaction: Transaction, mined: bool) -> tuple[bool, list[str], int]:
        needed = gas_needed(transaction.data, self.flags)
        if transaction.gas < needed:
            return False, [], transaction.gas
        try:
            hits = self.run(transaction.sender, transaction.to, transaction.value, transaction.data, mined=mined)
        except Reverted as error:
            return False, [], transaction.gas if error.burns else needed
        return True, hits, needed

    def run(self, sender: str, to: str | None, value: int, data: bytes, *, mined: bool) -> list[str]:
        """Value and programme of one call. Raises Reverted with nothing changed."""
        if self.balance(sender) < value:
            raise Reverted("the balance does not cover the value")
        self.flags, hits = run_programme(data, self.flags, mined=mined)
        self.balances[sender] = self.balance(sender) - value
        if to is not None:
            self.balances[to] = self.balance(to) + value
        return hits


def run_programme(data: bytes, flags: set[str], *, mined: bool) -> tuple[set[str], list[str]]:
    """The flags afterwards, and what was hit. Raises Reverted."""
    flags, hits = set(flags), []
    for verb, _, what in _instructions(data):
        match verb:
            case "hit":
                hits.append(what)
            case "set" | "fill":
                flags.add(what)
            case "unset":
                flags.discard(what)
            case "need" if what not in flags:
                raise Reverted(f"{what} is missing")
            case "forbid" if what in flags:
                raise Reverted(f"{what} is forbidden")
            case "fail":
                raise Reverted(what)
            case "trap" if mined:
                raise Reverted(what)
            case "burn" if mined:
                raise Burnt(what)
    return flags, hits


@dataclass(frozen=True)
class Mined:
    """A transaction in its block."""

    transaction: Transaction
    succeeded: bool
    hits: tuple[str, ...]
    price: int
    gas_used: int


@dataclass(frozen=True)
class Block:
    number: int
    hash: str
    base_fee: int
    mined: tuple[Mined, ...]
    state: State
    """As it is after the block; never changed again."""

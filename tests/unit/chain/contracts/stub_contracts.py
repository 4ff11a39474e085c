"""Contracts of a stub node: what they return, by signature."""

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address

from chalicelib.chain.contracts.contract_reader import (
    CALL_GAS,
    SELECTORS,
)
from tests.unit.chain.stub_node import Refusal

TOKEN = to_checksum_address("0x" + "cd" * 20)
OWNER = to_checksum_address("0x" + "ef" * 20)
ALICE = to_checksum_address("0x" + "a1" * 20)
BOB = to_checksum_address("0x" + "b0" * 20)
FACTORY = to_checksum_address("0x" + "fa" * 20)
IMPLEMENTATION = to_checksum_address("0x" + "1a" * 20)
CLONE = "0x363d3d373d3d3d363d73" + IMPLEMENTATION[2:].lower() + "5af43d82803e903d91602b57fd5bf3"
INVALID_OPCODE = Refusal({"code": -32000, "message": "invalid opcode: INVALID"})
REVERT = Refusal({"code": 3, "message": "execution reverted", "data": "0x"})
BY_SELECTOR = {selector: signature for signature, selector in SELECTORS.items()}


def word(value: int) -> str:
    return "0x" + value.to_bytes(32, "big").hex()


def address_word(address: str) -> str:
    return word(int(address, 16))


def string(value) -> str:
    return "0x" + encode(["bytes" if isinstance(value, bytes) else "string"], [value]).hex()


class Contracts:
    """What the contracts of a stub node return, by signature; a function of the holder for balanceOf."""

    def __init__(self, stub) -> None:
        self.code = "0x6001"
        self.returns = {
            "decimals()": word(18),
            "totalSupply()": word(10**24),
            "name()": string("Solar"),
            "symbol()": string("SOL"),
            "owner()": address_word(OWNER),
            "tokenURI()": string("ipfs://bafy"),
            "balanceOf(address)": word(5),
            "IMPLEMENTATION()": address_word(IMPLEMENTATION),
            "supportsInterface(bytes4)": REVERT,
        }
        stub.methods |= {"eth_blockNumber": "0x10", "eth_getCode": lambda *_: self.code, "eth_call": self.call}

    def call(self, transaction: dict, tag: str):
        assert (tag, transaction["gas"]) == ("latest", hex(CALL_GAS))
        told = self.returns[BY_SELECTOR[transaction["data"][2:10]]]
        told = told(transaction["data"][10:]) if callable(told) else told
        if isinstance(told, Refusal):
            raise told
        return told

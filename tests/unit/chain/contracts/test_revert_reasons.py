import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.chain.contracts.revert_reasons import PANICS, decode_revert

WHO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def error(signature: str, *values: object) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    return keccak(text=signature)[:4] + encode(types.split(",") if types else [], values)


def test_the_text_of_a_require_is_told_as_it_is():
    assert (
        decode_revert(error("Error(string)", "ERC20: transfer amount exceeds balance"))
        == "ERC20: transfer amount exceeds balance"
    )


@pytest.mark.parametrize("code", PANICS)
def test_every_panic_code_solidity_knows_is_told_in_words(code):
    assert decode_revert(error("Panic(uint256)", code)) == f"panic 0x{code:02x}: {PANICS[code]}"


def test_a_panic_code_nobody_knows_is_told_by_its_number():
    assert decode_revert(error("Panic(uint256)", 0x99)).startswith("panic 0x99: ")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            error("ERC20InsufficientBalance(address,uint256,uint256)", WHO, 0, 5),
            f"ERC20InsufficientBalance(sender={WHO}, balance=0, needed=5)",
        ),
        (error("OwnableUnauthorizedAccount(address)", WHO), f"OwnableUnauthorizedAccount(account={WHO})"),
        (
            error("AccessControlUnauthorizedAccount(address,bytes32)", WHO, b"\x9f" * 32),
            f"AccessControlUnauthorizedAccount(account={WHO}, neededRole=0x{'9f' * 32})",
        ),
        (error("AccessControlBadConfirmation()"), "AccessControlBadConfirmation()"),
        (error("Create2EmptyBytecode()"), "Create2EmptyBytecode()"),
        (error("FailedDeployment()"), "FailedDeployment()"),
        (error("ERC1167FailedCreateClone()"), "ERC1167FailedCreateClone()"),
        (error("InsufficientBalance(uint256,uint256)", 1, 2), "InsufficientBalance(balance=1, needed=2)"),
        (error("MissingPrecompile(address)", WHO), f"MissingPrecompile({WHO})"),
    ],
)
def test_openzeppelins_errors_are_told_with_their_values(data, text):
    assert decode_revert(data) == text


def test_errors_nobody_declared_here_are_told_by_selector():
    assert decode_revert(bytes.fromhex("1234abcd")) == "custom error 0x1234abcd"
    assert decode_revert(bytes.fromhex("1234abcd") + b"\xff" * 64) == "custom error 0x1234abcd"


def test_no_data_is_no_reason():
    assert decode_revert(b"") == "reverted without a reason"
    assert decode_revert(error("Error(string)", "")) == "reverted without a reason"
    assert decode_revert(b"\x12\x34") == "reverted with data 0x1234"


def test_a_reason_is_printable_bounded_and_on_one_line():
    assert decode_revert(error("Error(string)", "a\x00b\x1b[2Jc\r\nd\u202e")) == "ab[2Jc d"
    long = decode_revert(error("Error(string)", "x" * 10_000))
    assert len(long) == 300
    assert long.endswith("…")


def test_a_reason_that_is_no_utf_8_loses_only_what_cannot_be_read():
    assert decode_revert(bytes.fromhex("08c379a0") + encode(["bytes"], [b"low \xff gas"])) == "low \ufffd gas"


def test_a_reason_written_without_padding_is_read():
    data = bytes.fromhex("08c379a0") + encode(["uint256", "uint256"], [32, 8]) + b"too late"
    assert decode_revert(data) == "too late"


def test_malformed_data_of_a_known_error_is_said_to_be_so():
    for selector in ("08c379a0", "4e487b71", "e450d38c"):
        assert decode_revert(bytes.fromhex(selector) + b"\x01") == f"reverted with malformed data (0x{selector})"
    far = bytes.fromhex("08c379a0") + encode(["uint256"], [2**255])
    assert decode_revert(far) == "reverted with malformed data (0x08c379a0)"


@given(st.sampled_from(["08c379a0", "4e487b71", "e450d38c", "118cdaa7", ""]), st.binary(max_size=200))
def test_no_data_whatever_raises_or_gets_long(selector, body):
    text = decode_revert(bytes.fromhex(selector) + body)
    assert 0 < len(text) <= 300
    assert text.isprintable()

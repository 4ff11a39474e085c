import subprocess
import sys

import pytest
from eth_abi.abi import decode, encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.chain.addresses import checksum_address
from chalicelib.chain.contracts.abi import encode_call
from chalicelib.errors import InvalidRequest

ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # an example of EIP-55


def test_the_module_and_the_revert_decoder_import_without_web3():
    heavy = "('web3', 'eth_account', 'requests')"
    code = f"import sys, chalicelib.chain.contracts.abi; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- addresses ---------------------------------------------------------------------------------------------------------


def test_an_address_in_any_one_case_is_checksummed():
    assert checksum_address(ADDRESS) == ADDRESS
    assert checksum_address(ADDRESS.lower()) == ADDRESS
    assert checksum_address("0x" + ADDRESS[2:].upper()) == ADDRESS
    assert checksum_address("0x" + "1" * 40) == "0x" + "1" * 40


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "checksum"),
        (ADDRESS[2:], "40 hex digits"),
        (ADDRESS[:-1], "40 hex digits"),
        (ADDRESS + "\n", "40 hex digits"),
        ("0X" + ADDRESS[2:], "40 hex digits"),
        ("XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS", "40 hex digits"),
        ("vitalik.eth", "40 hex digits"),
        ("", "40 hex digits"),
        (None, "40 hex digits"),
        (5, "40 hex digits"),
        (b"\x11" * 20, "40 hex digits"),
        ("0x" + "١" * 40, "40 hex digits"),
    ],
)
def test_what_is_no_address_is_refused_in_a_sentence(value, said):
    with pytest.raises(ValueError, match=said):
        checksum_address(value)


# --- calls -------------------------------------------------------------------------------------------------------------


def test_a_transfer_is_encoded_as_every_wallet_does():
    data = encode_call("transfer(address,uint256)", [ADDRESS.lower(), "1000000000000000000"])
    assert data.hex() == "a9059cbb" + f"{ADDRESS[2:].lower():0>64}" + f"{10**18:064x}"


def test_aliases_and_spaces_count_as_the_canonical_signature():
    expected = encode_call("f(uint256,int256[],(uint256,bool)[2])", ["1", ["-1"], [["1", True], [2, False]]])
    assert encode_call(" f( uint, int[] ,(uint , bool)[2] )", [1, [-1], [[1, True], ["2", False]]]) == expected
    assert expected[:4] == keccak(text="f(uint256,int256[],(uint256,bool)[2])")[:4]


def test_a_call_without_arguments_is_its_selector():
    assert encode_call("pause()", []) == keccak(text="pause()")[:4]


def test_tuples_arrays_bytes_and_strings_are_encoded():
    data = encode_call(
        "f((uint256,address)[],bytes,bytes4,string,uint8[2][],bool)",
        [[["7", ADDRESS]], "0xDEadbe", "0x01020304", "naïve ✓", [[1, 2], ["3", "4"]], True],
    )
    types = ["(uint256,address)[]", "bytes", "bytes4", "string", "uint8[2][]", "bool"]
    values = (((7, ADDRESS.lower()),), b"\xde\xad\xbe", b"\1\2\3\4", "naïve ✓", ((1, 2), (3, 4)), True)
    assert decode(types, data[4:]) == values


MISFITS = [
    ("f(uint8)", ["256"], "args[0] does not fit uint8", "between 0 and 2^8 - 1"),
    ("f(uint256)", [2**256], "args[0]", "between 0 and 2^256 - 1"),
    ("f(uint256)", [str(2**256)], "args[0]", "between 0 and 2^256 - 1"),
    ("f(uint256)", ["9" * 5_000], "args[0]", "whole number"),
    ("f(uint256)", [10**5_000], "args[0]", "between 0 and"),
    ("f(uint256)", [-1], "args[0]", "between 0 and"),
    ("f(int8)", [128], "args[0]", "between -2^7 and 2^7 - 1"),
    ("f(int8)", ["-129"], "args[0]", "between -2^7 and 2^7 - 1"),
    ("f(uint)", [1.0], "args[0] does not fit uint256", "whole number"),
    ("f(uint)", [True], "args[0]", "whole number"),
    ("f(uint)", [None], "args[0]", "whole number"),
    ("f(uint)", ["1.5"], "args[0]", "whole number"),
    ("f(uint)", ["1e18"], "args[0]", "whole number"),
    ("f(uint)", ["0x10"], "args[0]", "whole number"),
    ("f(uint)", [" 1"], "args[0]", "whole number"),
    ("f(uint)", ["+1"], "args[0]", "whole number"),
    ("f(uint)", ["1_000"], "args[0]", "whole number"),
    ("f(uint)", ["١"], "args[0]", "whole number"),
    ("f(uint)", [""], "args[0]", "whole number"),
    ("f(uint)", [["1"]], "args[0]", "whole number"),
    ("f(bool,bool)", [True, 1], "args[1] does not fit bool", "true or false"),
    ("f(bool)", ["true"], "args[0]", "true or false"),
    ("f(address)", ["0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"], "args[0] does not fit address", "checksum"),
    ("f(address)", ["0x1"], "args[0]", "40 hex digits"),
    ("f(address)", [5], "args[0]", "40 hex digits"),
    ("f(bytes)", ["0x123"], "args[0] does not fit bytes", "even number of hex digits"),
    ("f(bytes)", ["1234"], "args[0]", "hex digits"),
    ("f(bytes)", ["0xzz"], "args[0]", "hex digits"),
    ("f(bytes)", [[1]], "args[0]", "hex digits"),
    ("f(bytes32)", ["0x1234"], "args[0] does not fit bytes32", "32 bytes are needed, this has 2"),
    ("f(bytes4)", ["0x1234567890"], "args[0]", "4 bytes are needed, this has 5"),
    ("f(string)", [5], "args[0] does not fit string", "a string"),
    ("f(string)", ["\ud800"], "args[0]", "Unicode"),
    ("f(uint256[])", ["12"], "args[0] does not fit uint256[]", "a list"),
    ("f(uint256[2])", [[1]], "args[0] does not fit uint256[2]", "a list of 2 is needed, this has 1"),
    ("f((uint256,bool)[])", [[[1, True], [1]]], "args[0][1] does not fit (uint256,bool)", "a list of 2"),
    ("f((uint256,uint8)[])", [[[1, 1], [1, 300]]], "args[0][1][1] does not fit uint8", "2^8 - 1"),
    ("f((uint256,bool))", [{"a": 1}], "args[0]", "a list"),
    ("f(uint256,bool)", [1], "f(uint256,bool) takes 2 arguments; 1 given", ""),
    ("f()", [1], "takes 0 arguments; 1 given", ""),
    ("f(uint256)", "1", "args must be a list", ""),
    ("f(uint256)", None, "args must be a list", ""),
    ("f(uint256)", {"a": 1}, "args must be a list", ""),
]


@pytest.mark.parametrize(("function", "args", "where", "why"), MISFITS)
def test_an_argument_that_does_not_fit_is_named_with_the_reason(function, args, where, why):
    with pytest.raises(InvalidRequest) as refused:
        encode_call(function, args)
    assert where in refused.value.message
    assert why in refused.value.message
    assert len(refused.value.message) < 400


@pytest.mark.parametrize(
    "function",
    [
        "",
        "transfer",
        "transfer(",
        "transfer)address(",
        "(address)",
        "1f(address)",
        "f(address to)",
        "f(uint256[] memory)",
        "f(address,)",
        "f(,address)",
        "f(address,,bool)",
        "f(())",
        "f((uint256)",
        "f(uint256))",
        "f(uint256)(bool)",
        "f((uint256)x)",
        "f(a)(b)",
        "f(uint7)",
        "f(uint264)",
        "f(uint08)",
        "f(uint0)",
        "f(bytes33)",
        "f(bytes0)",
        "f(bool8)",
        "f(address20)",
        "f(string1)",
        "f(uint256[0])",
        "f(uint256[-1])",
        "f(uint256[1)",
        "f(uint256])",
        "f([])",
        "f(function)",
        "f(fixed128x18)",
        "f(hash32)",
        "f(Token)",
        "f(uint256[999999999999])",
        "f(" + "(" * 40 + "uint256" + ")" * 40 + ")",
        "f(uint256" + "[]" * 40 + ")",
        "f(" + "uint256," * 1_000 + "uint256)",
        "f(uint256)\n;g()",
        "f(uıntⅷ)",
        None,
        7,
        ["f()"],
    ],
)
def test_a_signature_that_cannot_be_read_is_refused(function):
    with pytest.raises(InvalidRequest, match=r"^function "):
        encode_call(function, [])


def test_a_large_fixed_array_costs_nothing_until_it_is_filled():
    with pytest.raises(InvalidRequest, match="a list of 999999999 is needed"):
        encode_call("f(uint256[999999999])", [[1]])


# --- against eth_abi ---------------------------------------------------------------------------------------------------


def _basic() -> st.SearchStrategy[tuple[str, st.SearchStrategy]]:
    """A basic type and values of it as (JSON, decoded) pairs."""
    widths = st.integers(1, 32)

    def uint(width):
        values = st.integers(0, 2 ** (8 * width) - 1)
        return f"uint{8 * width}", st.one_of(values.map(lambda n: (n, n)), values.map(lambda n: (str(n), n)))

    def integer(width):
        values = st.integers(-(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
        return f"int{8 * width}", st.one_of(values.map(lambda n: (n, n)), values.map(lambda n: (str(n), n)))

    def fixed(width):
        return f"bytes{width}", st.binary(min_size=width, max_size=width).map(lambda b: (f"0x{b.hex()}", b))

    addresses = st.binary(min_size=20, max_size=20).flatmap(
        lambda b: st.sampled_from([f"0x{b.hex()}", f"0x{b.hex().upper()}", to_checksum_address(b)]).map(
            lambda t: (t, f"0x{b.hex()}")
        )
    )
    return st.one_of(
        widths.map(uint),
        widths.map(integer),
        widths.map(fixed),
        st.just(("bytes", st.binary(max_size=70).map(lambda b: (f"0x{b.hex().upper()}", b)))),
        st.just(("bool", st.booleans().map(lambda b: (b, b)))),
        st.just(("string", st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(lambda t: (t, t)))),
        st.just(("address", addresses)),
    )


def _compound(inner):
    def tupled(parts):
        values = st.tuples(*(values for _, values in parts))
        text = ",".join(text for text, _ in parts)
        return f"({text})", values.map(lambda pairs: ([json for json, _ in pairs], tuple(value for _, value in pairs)))

    def listed(part, size):
        text, values = part
        lists = st.lists(values, min_size=size or 0, max_size=size or 3)
        suffix = f"[{size}]" if size else "[]"
        return f"{text}{suffix}", lists.map(lambda pairs: ([json for json, _ in pairs], tuple(value for _, value in pairs)))

    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(tupled),
        st.tuples(inner, st.one_of(st.none(), st.integers(1, 3))).map(lambda pair: listed(*pair)),
    )


@given(st.lists(st.recursive(_basic(), _compound, max_leaves=6), max_size=4), st.data())
def test_what_is_encoded_decodes_to_what_was_given(types, data):
    pairs = [data.draw(values) for _, values in types]
    texts = [text for text, _ in types]
    encoded = encode_call(f"f({','.join(texts)})", [json for json, _ in pairs])
    decoded = tuple(value for _, value in pairs)
    assert encoded[:4] == keccak(text=f"f({','.join(texts)})")[:4]
    assert encoded[4:] == encode(texts, decoded)
    assert decode(texts, encoded[4:]) == decoded


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=6,
)


@given(st.recursive(_basic(), _compound, max_leaves=5), json_values)
def test_any_json_value_is_encoded_or_refused_by_name(type_, value):
    try:
        assert len(encode_call(f"f({type_[0]})", [value])) >= 4
    except InvalidRequest as refused:
        assert refused.message.startswith("args[0]")


@given(st.text(max_size=60), st.lists(json_values, max_size=2))
def test_any_text_as_a_signature_is_encoded_or_refused(function, args):
    try:
        encode_call(function, args)
    except InvalidRequest as refused:
        assert refused.message.endswith(".")


@given(st.text("f(),[]0123456789 uintbytesaddressboolstring", max_size=40))
def test_no_mangled_signature_gets_past_as_anything_but_a_refusal(parameters):
    try:
        encode_call(f"f({parameters})", [])
    except InvalidRequest as refused:
        assert refused.message.endswith(".")
    else:
        assert parameters.strip() == ""

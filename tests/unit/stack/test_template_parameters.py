"""Template parameters as an operator gives them."""

import pytest

from stack.deployment.parameters import check, parse
from stack.errors import StackError

DECLARED = {
    "LogLevel": {"Type": "String"},
    "RpcUrls": {"Type": "String", "NoEcho": True, "AllowedPattern": "https?://.*"},
    "Factory": {"Type": "String", "AllowedPattern": "(0x[0-9a-f]{4})?", "ConstraintDescription": "must be an address"},
    "LowBalance": {"Type": "Number"},
    "AccessLogs": {"Type": "String", "AllowedValues": ["off", "on"]},
}


def test_words_are_read_as_a_shell_reads_them() -> None:
    text = "Confirmations=6 AlarmEmail='' Name='two words' Urls=http://a?b=c,d"
    assert parse(text) == {"Confirmations": "6", "AlarmEmail": "", "Name": "two words", "Urls": "http://a?b=c,d"}
    assert parse("  ") == {}


@pytest.mark.parametrize("wrong", ["LogLevel", "=x", "Log-Level=x", "LogLevel = DEBUG", "A='b"])
def test_what_is_no_name_and_value_is_one_sentence(wrong: str) -> None:
    with pytest.raises(StackError, match=r"PARAMETERS"):
        parse(wrong)


def test_what_the_template_allows_is_taken() -> None:
    check({"LogLevel": "DEBUG", "Factory": "", "LowBalance": "0.5", "AccessLogs": "on", "RpcUrls": "https://x"}, DECLARED)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"Loglevel": "DEBUG"}, "no parameter Loglevel; it has AccessLogs, Factory"),
        ({"Factory": "0x1"}, "Factory must be an address, not '0x1'"),
        ({"LowBalance": "much"}, "LowBalance must be a number"),
        ({"AccessLogs": "maybe"}, "AccessLogs must be one of off, on"),
    ],
)
def test_what_it_does_not_allow_is_refused_before_anything_is_made(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(StackError, match=sentence):
        check(given, DECLARED)


def test_a_value_that_is_not_to_be_shown_is_not() -> None:
    with pytest.raises(StackError, match="RpcUrls must match") as refused:
        check({"RpcUrls": "wss://node/secret-key"}, DECLARED)
    assert "secret-key" not in str(refused.value)

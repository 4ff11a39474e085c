"""The command line: what is wrong is one sentence and nothing else, before anything is asked of AWS or a node."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from stack.__main__ import cli, main

ROOT = Path(__file__).parents[3]
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No stack is up, and no variable is left over from whoever runs the tests."""
    makefile = (ROOT / "Makefile").read_text()
    for line in re.findall(r"^export ([A-Z_ ]+)$", makefile, re.MULTILINE):
        for name in line.split():
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STACK_DIR", str(tmp_path))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    yield


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("accounts --stage local", "The local stack is not up"),
        ("accounts --stage sparc", "There is no stage 'sparc'"),
        ("deploy --stage local --yes", "The local stack is not up"),
        ("deploy --stage spark --parameters LogLevel", "no Name=Value"),
        ("deploy --stage spark --log-level INFO --parameters LogLevel=DEBUG", "LogLevel is given twice"),
        ("deploy --stage spark --token-factory 0x12", "TOKEN_FACTORY must be an address"),
        ("deploy --stage spark --parameters TokenFactory=0x12", "TOKEN_FACTORY must be an address"),
        ("deploy --stage spark --adopt JobsTable", "no Name=Value"),
        ("destroy --stage local --tables all", "TABLES must be keep or delete"),
        ("account --stage local --role r --key paper", "KEY must be kms or secret"),
        ("account --stage local --role a\nb", "ROLE must be at most 256 printable characters"),
        ("token --stage local --account 0x12", "ACCOUNT must be an address"),
        (f"token --stage local --account {ADDRESS} --days 0", "DAYS must be a whole number from 1 to 3650"),
        (f"token --stage local --account {ADDRESS} --days ²", "DAYS must be a whole number"),
        ("errors --stage local --minutes -1", "MINUTES must be a whole number"),
        ("restore --stage local --at yesterday", "AT must be a time such as"),
        ("restore --stage local --at 2026-01-01T00:00:00", "AT must be a moment of the past, with its zone"),
        ("restore --stage local --at 2999-01-01T00:00:00Z", "AT must be a moment of the past"),
    ],
)
def test_what_is_wrong_is_one_sentence(words: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split(" ")) == 1
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.err.strip().count("\n") == 0
    assert printed.out == ""


@pytest.mark.parametrize(
    "words", ["", "deplay", "deploy", "account --stage local", "tail --stage local", "pause --stage local"]
)
def test_a_command_that_lacks_something_ends_with_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_without_a_terminal_nothing_is_deployed_and_no_package_is_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stack.build.package.package", lambda *_: pytest.fail("a package was made"))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert main(["deploy", "--stage", "spark"]) == 1
    assert "There is no terminal to ask at, so nothing was changed" in capsys.readouterr().err


def test_the_environment_says_what_options_say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("ACCOUNT", 'it\'s "$HOME"')
    assert main(["token"]) == 1
    assert "not 'it\\'s \"$HOME\"'" in capsys.readouterr().err


def test_make_help_has_a_line_for_every_command_and_every_command_is_one_of_make() -> None:
    def output(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    operator = re.search(r"^OPERATOR := ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    assert phony is not None
    assert operator is not None
    operators = set(operator[1].replace("\\", "").split())
    targets = {*phony[1].replace("$(OPERATOR)", "").split(), *operators}
    listed = output("make", "help")
    missing = {target for target in targets - {"help"} if not re.search(rf"\bmake {target}\b", listed)}
    assert missing == set()
    assert set(cli.commands) == {"run", "up", "down", "package", *operators}


@pytest.mark.parametrize("name", list(cli.commands))
def test_help_explains_every_command_and_every_option(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    command = cli.commands[name]
    assert f"python -m stack {name} " in printed
    assert not command.get_short_help_str(61).endswith("..."), "its first sentence is too long for the list of commands"
    for parameter in command.params:
        assert parameter.opts[0] in printed
        assert isinstance(parameter, click.Option)
        assert parameter.help, f"{parameter.opts[0]} has no help"
        assert parameter.help.endswith(".")


@pytest.mark.parametrize("word", ["bob", "0", "no"])
def test_a_flag_is_on_only_for_a_word_that_says_yes(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """YES is a flag of one command and a stack's name of another; ADMIN may be set for another program."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("YES", word)
    assert main(["deploy", "--stage", "spark"]) == 1
    assert "There is no terminal to ask at" in capsys.readouterr().err


def test_ctrl_c_ends_with_130_and_says_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_stage: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stack.operation.target.target_of", interrupted)
    assert main(["resume", "--stage", "local"]) == 130
    assert capsys.readouterr() == ("", "")

"""Nothing is changed without a yes, and nobody is waited for where nobody sits."""

import io

import pytest

from stack.deployment.consent import ask_unless, confirm_by_name, granted
from stack.errors import StackError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_it_ends_at_once_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(StackError, match=r"no terminal .* nothing was changed: give YES=1"):
        ask_unless(yes=False)
    with pytest.raises(StackError, match="give YES=my-stack"):
        confirm_by_name("my-stack", None, "Delete it?")


def test_whoever_has_decided_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert ask_unless(yes=True) is granted
    confirm_by_name("my-stack", "my-stack", "Delete it?")


@pytest.mark.parametrize("answer", ["y", "Y", "yes"])
def test_a_yes_goes_on(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    ask_unless(yes=False)("Go on?")


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "no\n", "yo\n"])
def test_anything_else_does_not(answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(StackError, match="Nothing was changed"):
        ask_unless(yes=False)("Go on?")
    assert capsys.readouterr().err == "Go on? [y/N] "


@pytest.mark.parametrize("given", ["y", "1", "my-stac", "MY-STACK", ""])
def test_the_name_has_to_be_the_name(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{given}\n"))
    with pytest.raises(StackError, match="That is not my-stack"):
        confirm_by_name("my-stack", None, "Delete it?")
    with pytest.raises(StackError, match="That is not my-stack"):
        confirm_by_name("my-stack", given, "Delete it?")

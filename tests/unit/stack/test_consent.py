"""Nothing is changed without a yes, and nobody is waited for where nobody sits."""

import io

import pytest

from stack.deployment.consent import asked, granted, typed
from stack.errors import StackError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_it_ends_at_once_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(StackError, match=r"no terminal .* nothing was changed: give YES=1"):
        asked(yes=False)
    with pytest.raises(StackError, match="give YES=my-stack"):
        typed("my-stack", None, "Delete it?")


def test_whoever_has_decided_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert asked(yes=True) is granted
    typed("my-stack", "my-stack", "Delete it?")


@pytest.mark.parametrize("answer", ["y", "Y", "yes"])
def test_a_yes_goes_on(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    asked(yes=False)("Go on?")


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "no\n", "yo\n"])
def test_anything_else_does_not(answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(StackError, match="Nothing was changed"):
        asked(yes=False)("Go on?")
    assert capsys.readouterr().err == "Go on? [y/N] "


@pytest.mark.parametrize("given", ["y", "1", "my-stac", "MY-STACK", ""])
def test_the_name_has_to_be_the_name(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{given}\n"))
    with pytest.raises(StackError, match="That is not my-stack"):
        typed("my-stack", None, "Delete it?")
    with pytest.raises(StackError, match="That is not my-stack"):
        typed("my-stack", given, "Delete it?")

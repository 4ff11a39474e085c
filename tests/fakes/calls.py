"""Every call of a port, written down as it is made, and one of them made to fail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.errors import ChainUnavailable, ServiceUnavailable, SignerUnavailable


class Killed(BaseException):
    """The worker's process is gone: no handler can catch it."""


class Mode(StrEnum):
    """What happens to a call. Before: nothing was applied. After: it was, and the caller does not know."""

    REFUSED = "raises before it is applied"
    ANSWER_LOST = "is applied, then raises"
    KILLED_BEFORE = "the worker is killed before it"
    KILLED_AFTER = "the worker is killed after it"
    BUG_BEFORE = "raises what nobody expects, before it is applied"
    BUG_AFTER = "is applied, then raises what nobody expects"


BEFORE = frozenset({Mode.REFUSED, Mode.KILLED_BEFORE, Mode.BUG_BEFORE})


@dataclass(frozen=True)
class Fault:
    """The call with this index (all ports counted together) goes wrong in this way."""

    index: int
    mode: Mode


@dataclass(frozen=True)
class Made:
    """A call that was made, `port.method`, and what it was given."""

    name: str
    arguments: tuple[Any, ...]


class Calls:
    """The log of all calls; `choose` may name a way for the next one to go wrong, `watch` sees each before it is made."""

    def __init__(self) -> None:
        self.log: list[Made] = []
        self.fault: Fault | None = None
        self.choose: Callable[[], Mode | None] = lambda: None
        self.watch: Callable[[Made], None] = lambda _: None

    def names(self) -> list[str]:
        return [call.name for call in self.log]

    def through(self, name: str, method: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        made = Made(name, (*arguments, *named.values()))
        index = len(self.log)
        self.log.append(made)
        mode = self.fault.mode if self.fault is not None and self.fault.index == index else self.choose()
        if mode in BEFORE:
            raise _trouble(mode, name)
        self.watch(made)
        answer = method(*arguments, **named)
        if mode is not None:
            raise _trouble(mode, name)
        return answer


def _trouble(mode: Mode, name: str) -> BaseException:
    match mode:
        case Mode.KILLED_BEFORE | Mode.KILLED_AFTER:
            return Killed(name)
        case Mode.BUG_BEFORE | Mode.BUG_AFTER:
            return RuntimeError(f"a bug in {name}")
    match name.partition(".")[0]:
        case "chain":
            return ChainUnavailable(f"No answer to {name}.")
        case "signer" | "signers":
            return SignerUnavailable(f"No answer to {name}.")
    return ServiceUnavailable(f"No answer to {name}.")


class Watched:
    """A port whose calls all go through the log."""

    def __init__(self, name: str, port: Any, calls: Calls) -> None:
        self._name, self._port, self._calls = name, port, calls

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._port, attribute)
        if not callable(value):
            return value
        return lambda *arguments, **named: self._calls.through(f"{self._name}.{attribute}", value, arguments, named)


class WatchedJobs(Watched):
    """Its `save_each` is as many calls of `save`, each of which may go wrong."""

    def save_each(self, jobs: Sequence[Any]) -> list[Any]:
        outcomes: list[Any] = []
        for job in jobs:
            try:
                outcomes.append(self.save(job))
            except Exception as error:  # noqa: BLE001 -- its outcome
                outcomes.append(error)
        return outcomes


class WatchedSigners(Watched):
    """Hands out signers whose calls go through the log, too."""

    def of(self, account: Any) -> Any:
        return Watched("signer", self._calls.through("signers.of", self._port.of, (account,), {}), self._calls)

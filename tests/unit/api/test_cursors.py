"""Cursors: good for one question of one caller, for a while, unchanged."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.api.http.cursors import Cursors
from chalicelib.auth.secrets import TokenKeys, rotated, token_keys, without_old
from chalicelib.cached import Cached
from chalicelib.errors import InvalidCursor

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SCOPE = {"endpoint": "list", "caller": "me", "status": None}
POSITION = {"below": "2026-02-01T00:00:00.000000Z#62b17abc8c26160014940e87"}


KEY = "kZ8vXr2Qp5Lw9TnB4cYh7GdJ3mFs6AeU"
NEXT = "Uj3mWq8Zt1Rb6Yc0Xv5Ns9Ld4Hf7Kg2P"


def holding(*secrets: str) -> Cached[TokenKeys]:
    """The keys of a secret that is the first text when it is first read, then the next one."""
    texts = [*secrets]
    return Cached("JWT secret", lambda: token_keys(texts.pop(0) if len(texts) > 1 else texts[0], "test"))


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cursors(clock: Clock) -> Cursors:
    return Cursors(holding(KEY), 60, clock)


def test_a_cursor_gives_its_position_back_and_is_url_safe(cursors: Cursors) -> None:
    cursor = cursors.write(POSITION, SCOPE)
    assert cursors.read(cursor, dict(reversed(SCOPE.items()))) == POSITION
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_no_character_of_a_cursor_can_be_changed_left_out_or_added(cursors: Cursors) -> None:
    cursor = cursors.write(POSITION, SCOPE)
    for index, character in enumerate(cursor):
        for other in {"A", "B", "x", "-", "_", ".", "=", " ", "ä"} - {character}:
            for changed in (cursor[:index] + other + cursor[index + 1 :], cursor[:index] + other + cursor[index:]):
                with pytest.raises(InvalidCursor):
                    cursors.read(changed, SCOPE)
        with pytest.raises(InvalidCursor):
            cursors.read(cursor[:index] + cursor[index + 1 :], SCOPE)


@pytest.mark.parametrize(
    "scope",
    [{}, SCOPE | {"caller": "you"}, SCOPE | {"endpoint": "retry"}, SCOPE | {"status": "failed"}, SCOPE | {"more": None}],
)
def test_a_cursor_is_for_its_own_question_only(cursors: Cursors, scope: dict[str, str | None]) -> None:
    with pytest.raises(InvalidCursor):
        cursors.read(cursors.write(POSITION, SCOPE), scope)


def test_a_cursor_expires(cursors: Cursors, clock: Clock) -> None:
    cursor = cursors.write(POSITION, SCOPE)
    clock.now = NOW + timedelta(seconds=59)
    assert cursors.read(cursor, SCOPE) == POSITION
    clock.now = NOW + timedelta(seconds=60)
    with pytest.raises(InvalidCursor):
        cursors.read(cursor, SCOPE)


def test_a_cursor_of_another_key_is_refused(cursors: Cursors, clock: Clock) -> None:
    with pytest.raises(InvalidCursor):
        cursors.read(Cursors(holding(NEXT), 60, clock).write(POSITION, SCOPE), SCOPE)


def test_pages_go_on_while_the_keys_are_rotated(cursors: Cursors, clock: Clock) -> None:
    """Those of the key before, and those that another process has written with a key this one has not seen yet."""
    both = rotated(KEY, NEXT, "2026-11", "test")
    old, new = cursors.write(POSITION, SCOPE), Cursors(holding(both), 60, clock).write(POSITION, SCOPE)
    assert Cursors(holding(both), 60, clock).read(old, SCOPE) == POSITION
    assert Cursors(holding(KEY, both), 60, clock).read(new, SCOPE) == POSITION
    after = Cursors(holding(without_old(both, "test")), 60, clock)
    assert after.read(new, SCOPE) == POSITION
    with pytest.raises(InvalidCursor):
        after.read(old, SCOPE)


@pytest.mark.parametrize("cursor", ["", ".", "..", "a.b", "null", "\ud800.x", "é.é", "A" * 100_000])
def test_what_is_no_cursor_is_refused(cursors: Cursors, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        cursors.read(cursor, SCOPE)

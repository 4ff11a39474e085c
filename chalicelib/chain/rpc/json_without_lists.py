"""Removes the lists inside the objects of a JSON text, piece by piece: what is kept stays small, however long the lists are."""

import re

_NEXT = re.compile(rb'(?:"[^"\\]*"[^"{}\[\]]*+)++|["{}\[\]]')
"""Some strings that end in this piece, or one character. A quote alone begins a string whose end the pattern does not find."""
_IN_STRING = re.compile(rb'["\\]')


class ListRemover:
    """Puts `null` in the place of each list. A list that is not inside an object is kept: it may be a batch of responses."""

    def __init__(self) -> None:
        self._objects = 0
        """How many objects are open, outside of the lists that are removed."""
        self._lists = 0
        """How many lists are open, from the outermost one that is removed."""
        self._in_string = False
        self._is_escaped = False
        """The last piece ended between a backslash and the character that it escapes."""

    def feed(self, piece: bytes) -> bytes:
        """Return what is kept of the next piece. A string or an escape may begin in one piece and end in the next."""
        kept: list[bytes] = []
        start = position = 0
        if self._is_escaped and piece:
            position, self._is_escaped = 1, False
        while True:
            if self._in_string:
                position = self._leave_string(piece, position)
                if self._in_string:
                    break
            for found in _NEXT.finditer(piece, position):
                token = found[0]
                if token == b'"':
                    self._in_string, position = True, found.end()
                    break
                if token == b"[" and (self._lists or self._objects):
                    if not self._lists:
                        kept += piece[start : found.start()], b"null"
                    self._lists += 1
                elif token == b"]" and self._lists:
                    self._lists -= 1
                    start = found.end()
                elif not self._lists:
                    self._objects += (token == b"{") - (token == b"}")
            else:
                break
        if not self._lists:
            kept.append(piece[start:])
        return b"".join(kept)

    def _leave_string(self, piece: bytes, position: int) -> int:
        """Return the position after the string's end, and clear `_in_string`. Without an end in this piece, it stays set."""
        while found := _IN_STRING.search(piece, position):
            position = found.end()
            if found[0] == b'"':
                self._in_string = False
                break
            position += 1
            self._is_escaped = position > len(piece)
        return position

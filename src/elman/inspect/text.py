"""Properties of a text at each step that a unit may track."""

from collections.abc import Sequence

import numpy as np

INSIDE_QUOTES, INSIDE_PARENTHESES = "inside quotes", "inside parentheses"
POSITION, INDENTATION, SINCE_SPACE = "position in the line", "indentation", "distance since a space"

YES_OR_NO = (INSIDE_QUOTES, INSIDE_PARENTHESES)
"""The properties that are 0 or 1; the others count characters."""


def text_properties(pieces: Sequence[str], starts: Sequence[bool] = ()) -> dict[str, np.ndarray]:
    """Computes the properties that hold after each piece of a text.

    A text begins outside quotes and parentheses, at the beginning of a line. An empty line closes open quotes
    and parentheses, so that one extra quote does not invert the rest of the text. Quotes are ", “ ” and « »;
    single quotes do not count, because they are apostrophes too.

    Args:
        pieces: the text that each of T steps adds; may be empty.
        starts: whether a new text begins at each step; empty: there is one text.

    Returns:
        Values [T] by name. Inside quotes and inside parentheses: 0 or 1. Position in the line (characters
        since its beginning), indentation of the line (white space before its first letter, as far as read)
        and distance since a space: in characters. Properties that would only count steps are omitted: the
        position if the text is a single line, the distance if every word is one piece.
    """
    reader, rows, last, in_pieces = _Reader(), [], "", False
    for step, piece in enumerate(pieces):
        if step < len(starts) and starts[step]:
            reader, last = _Reader(), ""
        for character in piece:
            reader.read(character)
        rows.append(reader.values())
        in_pieces |= last[-1:].isalnum() and piece[:1].isalnum()
        last = piece or last
    names = (INSIDE_QUOTES, INSIDE_PARENTHESES, POSITION, INDENTATION, SINCE_SPACE)
    properties = dict(zip(names, np.array(rows, dtype=np.float64).reshape(-1, len(names)).T, strict=True))
    if not any("\n" in piece for piece in pieces):
        del properties[POSITION]
    if not in_pieces:
        del properties[SINCE_SPACE]
    return properties


class _Reader:
    """Reads a text character by character."""

    def __init__(self) -> None:
        self._quoted, self._depth = False, 0
        self._position = self._indentation = self._since_space = 0

    def values(self) -> tuple[float, ...]:
        """Returns each property, in the order of ``text_properties``."""
        return self._quoted, self._depth > 0, self._position, self._indentation, self._since_space

    def read(self, character: str) -> None:
        if character == "\n":
            if self._position == self._indentation:  # the line is empty or white space
                self._quoted, self._depth = False, 0
            self._position = self._indentation = self._since_space = 0
            return
        if character.isspace():
            self._indentation += self._position == self._indentation
        self._position += 1
        self._since_space = 0 if character.isspace() else self._since_space + 1
        if character == '"':
            self._quoted = not self._quoted
        elif character in "“«”»":
            self._quoted = character in "“«"
        elif character in "()":
            self._depth = max(0, self._depth + (1 if character == "(" else -1))

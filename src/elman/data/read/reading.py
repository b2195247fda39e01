"""How files are read: what a table does not say about itself. No heavy import: options hold it."""

import codecs
from dataclasses import dataclass, replace
from typing import Self

from elman.config import require

_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|", "space": " "}


def _is_encoding(name: str | None) -> bool:
    try:
        return name is None or bool(codecs.lookup(name)._is_text_encoding)
    except (LookupError, ValueError):
        return False


@dataclass(frozen=True)
class Reading:
    """What the user said about files; what is None is found out from each file.

    Attributes:
        separator: character between the cells of a table, or its name: comma, semicolon, tab, bar, space.
        decimal: decimal mark of numbers, "." or ",".
        encoding: encoding of text, by a name that Python knows.
        missing: cells that count as missing in columns of numbers, in addition to the usual ones.

    Raises:
        InputError: a value breaks its rule.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Checks every value."""
        mark = self.delimiter
        fits = mark is None or (len(mark) == 1 and mark.isascii() and mark not in '"\r\n')
        require("--separator", fits, f"one character, or {', '.join(_SEPARATORS)}", self.separator)
        require("--decimal", self.decimal in (None, ".", ","), "'.' or ','", self.decimal)
        require("--encoding", _is_encoding(self.encoding), "an encoding that Python knows", self.encoding)

    @property
    def delimiter(self) -> str | None:
        """The separator as one character."""
        return None if self.separator is None else _SEPARATORS.get(self.separator, self.separator)

    def as_trained(self, decimal: str) -> Self:
        """Returns a reading with the decimal mark of training, if it has none of its own."""
        return replace(self, decimal=self.decimal or decimal or None)


PLAIN = Reading()
"""Nothing said: every file shows itself how it is read."""

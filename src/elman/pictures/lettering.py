"""Texts in pictures: drawn as they are, in fonts that have their characters."""

import warnings
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST = 32  # characters of a name
_BOXES = "Last Resort"  # a font that draws boxes for all characters
_NAMED = 10  # missing characters in a warning


def written_out(text: str, most: int = _LONGEST) -> str:
    """Returns a name in one line, cut if long; control characters are written as Python writes them."""
    shown = "".join(c if c.isprintable() or c == "\N{NO-BREAK SPACE}" else repr(c)[1:-1] for c in text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def letter(figure: "Figure") -> None:
    """Sets the texts of a figure as they are, without formulas, in fonts that have their characters.

    Characters that no installed font has are drawn as boxes; one warning names some of them.
    """
    # here, and below, as in pictures.base
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    characters: set[str] = set()
    for text in texts:
        text.set_parse_math(False)
        characters |= {c for c in text.get_text() if not c.isspace()}
    families, missing = _families(frozenset(c for c in characters if not c.isascii()))
    if families:
        for text in texts:
            if not text.get_text().isascii():
                text.set_fontfamily([*text.get_fontfamily(), *families])
    if missing:
        named = " ".join(missing[:_NAMED]) + (f" … ({len(missing)} in all)" if len(missing) > _NAMED else "")
        warnings.warn(
            f"no installed font has {named}, so the picture shows boxes; fonts such as Noto have them",
            stacklevel=3,
        )


@cache
def _families(characters: frozenset[str]) -> tuple[list[str], list[str]]:
    """Returns font families that have the characters the usual font lacks, and the characters none has."""
    from matplotlib import font_manager

    usual = font_manager.get_font(font_manager.findfont(font_manager.FontProperties()))
    missing = _lacking(characters, usual.get_charmap())
    if not missing:
        return [], []
    families, left = _cover(missing)
    if left and _add_new_fonts():
        families, left = _cover(missing)
    return families, sorted(left)


def _cover(missing: set[str]) -> tuple[list[str], set[str]]:
    """Returns the fewest known font families that have most of the characters, and those that none has."""
    from matplotlib import font_manager

    found = {}
    for entry in font_manager.fontManager.ttflist:
        if entry.name not in found and not entry.name.startswith(_BOXES):
            found[entry.name] = _lacking_in_file(missing, entry.fname)
    families: list[str] = []
    while missing and found:
        best = min(found, key=lambda name: (len(found[name] & missing), name))
        left = missing & found.pop(best)
        if left == missing:
            break
        families.append(best)
        missing = left
    return families, missing


def _add_new_fonts() -> bool:
    """Adds fonts installed after matplotlib saved its list of fonts; returns whether there are any."""
    from matplotlib import font_manager

    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    new = sorted(set(font_manager.findSystemFonts()) - known)
    for path in new:
        # matplotlib cannot use every file, such as fonts of bitmaps
        with suppress(OSError, RuntimeError, ValueError, KeyError):
            font_manager.fontManager.addfont(path)
    return bool(new)


def _lacking(characters: Iterable[str], known: Iterable[int]) -> set[str]:
    """Returns the characters that are not among the code points of a font."""
    codes = set(known)
    return {c for c in characters if ord(c) not in codes}


def _lacking_in_file(characters: set[str], path: str) -> set[str]:
    """Returns the characters that a font's file lacks; all if it cannot be read."""
    from matplotlib import font_manager

    try:
        return _lacking(characters, font_manager.get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return characters

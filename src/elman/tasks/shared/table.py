"""Tables as lines of text: figures of this model and simple methods, and CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from unicodedata import category, combining, east_asian_width


def table_lines(title: str, heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns a table: the names of the rows under the title, their cells under the heads."""
    rows = {one_line(name): cells for name, cells in rows.items()}
    width = max(map(columns, [title, *rows]))
    lines = [f"{title}{' ' * (width - columns(title))}  {'  '.join(heads)}"]
    for name, cells in rows.items():
        shown = "  ".join(f"{cell:>{len(head)}}" for cell, head in zip(cells, heads, strict=True))
        lines.append(f"{name}{' ' * (width - columns(name))}  {shown}")
    return lines


def columns(text: str) -> int:
    """Returns how many columns of a terminal a text takes: two for a wide letter, none for a mark."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def one_line(text: str) -> str:
    """Returns a text with tabs, line ends and other control characters as escapes."""
    if not any(category(c) in ("Cc", "Zl", "Zp") for c in text):
        return text
    escaped = (c.encode("unicode_escape").decode() if category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    return "".join(escaped)


def shorten(text: str, most: int) -> str:
    """Cuts a text to ``most`` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def behind_line(own: float, others: Mapping[str, float], figure: str, *, higher_is_better: bool) -> list[str]:
    """Returns one line with the best simple method if it is better than the model; otherwise no line."""
    if not others:
        return []
    best = (max if higher_is_better else min)(others, key=lambda name: others[name])
    gap = others[best] - own if higher_is_better else own - others[best]
    return [f"the model is behind {best} by {gap:.4g} ({figure})"] if gap > 0 else []


def behind_lines(
    own: Mapping[str, Any],
    others: Mapping[str, Mapping[str, Any]],
    figures: Mapping[str, str],
    *,
    higher_is_better: bool,
) -> list[str]:
    """Returns a line for each figure in which the best simple method is better than the model.

    Args:
        own: the model's figures.
        others: those of each simple method; some may be absent.
        figures: how each figure to compare is called.
        higher_is_better: whether a higher figure is better.
    """
    lines = []
    for key, name in figures.items():
        known = {method: row[key] for method, row in others.items() if key in row}
        if key in own:
            lines += behind_line(own[key], known, name, higher_is_better=higher_is_better)
    return lines


def csv_line(cells: Iterable[object]) -> str:
    """Returns a line of comma-separated cells, quoted where necessary; None is an empty cell."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()

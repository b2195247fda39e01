"""Tables as lines of text: figures of this model and simple methods, and CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence


def table_lines(title: str, heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns a table: the names of the rows under the title, their cells under the heads."""
    width = max(map(len, [title, *rows]))
    lines = [f"{title:<{width}}  {'  '.join(heads)}"]
    for name, cells in rows.items():
        shown = "  ".join(f"{cell:>{len(head)}}" for cell, head in zip(cells, heads, strict=True))
        lines.append(f"{name:<{width}}  {shown}")
    return lines


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


def csv_line(cells: Iterable[object]) -> str:
    """Returns a line of comma-separated cells, quoted where necessary; None is an empty cell."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()

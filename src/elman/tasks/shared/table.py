"""Tables as lines: this model beside simple methods, for people, and CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence


def table_lines(title: str, heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> list[str]:
    """A table: the rows' names under the title, their cells to the right under the heads."""
    width = max(map(len, [title, *rows]))
    lines = [f"{title:<{width}}  {'  '.join(heads)}"]
    for name, cells in rows.items():
        shown = "  ".join(f"{cell:>{len(head)}}" for cell, head in zip(cells, heads, strict=True))
        lines.append(f"{name:<{width}}  {shown}")
    return lines


def shorten(text: str, most: int) -> str:
    """The text, cut to ``most`` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def behind_line(own: float, others: Mapping[str, float], figure: str, *, higher_is_better: bool) -> list[str]:
    """One line where a simple method is better than the model, which names the best; else none."""
    if not others:
        return []
    best = (max if higher_is_better else min)(others, key=lambda name: others[name])
    gap = others[best] - own if higher_is_better else own - others[best]
    return [f"the model is behind {best} by {gap:.4g} ({figure})"] if gap > 0 else []


def csv_line(cells: Iterable[object]) -> str:
    """A line of comma-separated cells, quoted where they must be; None is an empty one."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()

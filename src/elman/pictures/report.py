"""Results as lines for people."""

from collections.abc import Mapping, Sequence
from typing import Any


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


def forecasting_lines(results: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """What ``Forecaster.measure`` found."""
    if "test" not in results:
        return ["trained on all steps; no test part"]
    test, baselines = results["test"], results["baselines"]
    rows = {**baselines, "this model": test}
    headings = {"smape": "sMAPE", "mase": "MASE", "owa": "OWA", "mae": "MAE"}
    names = [name for name in headings if name in test]
    width = max(map(len, rows))
    lines = [f"{test['forecasts']:,} forecasts of {facts['horizon']} steps on the test part:", ""]
    lines.append(" " * width + "".join(f"  {headings[name]:>9}" for name in names))
    for method, row in rows.items():
        cells = (f"  {row[name]:9.4g}" if name in row else " " * 11 for name in names)
        lines.append(f"{method:<{width}}" + "".join(cells))
    shared = [name for name in ("mase", "smape", "mae") if all(name in row for row in rows.values())]
    for name in shared[:1]:
        others = {method: row[name] for method, row in baselines.items()}
        lines += behind_line(test[name], others, headings[name], higher_is_better=False)
    if "coverage_80" in test:
        lines += [
            "",
            f"CRPS {test.get('crps', float('nan')):.4f}; the 80 % interval covers "
            f"{test['coverage_80']:.1%}, the 95 % interval {test['coverage_95']:.1%}",
        ]
    return lines

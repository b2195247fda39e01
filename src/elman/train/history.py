"""A run's history: one JSON line after another, and its picture."""

import json
import math
from pathlib import Path
from typing import Any

from elman.train.files import write_atomically


class History:
    """Appends to a history file; without a file it only remembers.

    Args:
        path: the file, or None.
        keep_bytes: how much of an existing file belongs to this run so far; the rest is cut off, because
            a resumed run writes it again.
    """

    def __init__(self, path: Path | None, keep_bytes: int = 0) -> None:
        self.lines: list[dict[str, Any]] = []
        self._path = path
        if path is not None:
            self.lines = _parse(path.read_bytes()[:keep_bytes]) if path.exists() else []
            kept = "".join(map(_format, self.lines))
            write_atomically(path, lambda temporary: temporary.write_text(kept, "utf-8"))

    def append(self, line: dict[str, Any]) -> None:
        """Adds a line and flushes it."""
        self.lines.append(line)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_format(line))

    @property
    def bytes(self) -> int:
        """Length of the file."""
        return 0 if self._path is None else self._path.stat().st_size


def read_history(path: Path) -> list[dict[str, Any]]:
    """The lines of a history file; a torn last line, as a killed run may leave, is passed over."""
    return _parse(path.read_bytes()) if path.is_file() else []


def _format(line: dict[str, Any]) -> str:
    return json.dumps(line) + "\n"


def _parse(content: bytes) -> list[dict[str, Any]]:
    """The lines up to the first that is none of ours."""
    lines = []
    for text in content.splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            break
        if not (isinstance(line, dict) and line.get("kind") in ("train", "validation")):
            break
        if not all(_is_number(line.get(key)) for key in ("loss", "step", "epoch", "seconds")):
            break
        lines.append(line)
    return lines


def _is_number(value: object) -> bool:
    """Finite or not: a validation loss may be infinite."""
    return type(value) is float or (type(value) is int and abs(value) < 2**63)


def sparkline(values: list[float], width: int = 40) -> str:
    """A line of blocks whose heights are the finite values, thinned out to at most ``width``."""
    values = list(filter(math.isfinite, values))
    if not values:
        return ""
    step = max(1, len(values) / width)
    picked = [values[int(k * step)] for k in range(min(width, len(values)))]
    low, span = min(picked), (max(picked) - min(picked)) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[int(7 * (value - low) / span)] for value in picked)


def draw_curve(lines: list[dict[str, Any]], path: Path, unit: str, scale: float, title: str) -> None:
    """The loss curve: training by step, validation by epoch.

    Args:
        lines: of the history.
        path: the PNG to write.
        unit: of the loss, for the axis.
        scale: what a loss of the history is multiplied by to be in that unit.
        title: above the picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    finite = [line for line in lines if math.isfinite(line["loss"])]
    train = [(line["step"], line["loss"] * scale) for line in finite if line["kind"] == "train"]
    valid = [(line["step"], line["loss"] * scale) for line in finite if line["kind"] == "validation"]
    if train:
        axes.plot(*zip(*train, strict=True), color="#9ab8d8", linewidth=1, label="training")
    if valid:
        axes.plot(*zip(*valid, strict=True), color="#c8501e", marker="o", markersize=3, label="validation")
    if len(train) > 2:
        # the first losses are far above the rest and would flatten the curve
        later = [y for _, y in train[len(train) // 50 + 1 :]] + [y for _, y in valid]
        low, high = min(later), max(later)
        axes.set_ylim(low - 0.05 * (high - low) - 1e-9, high + 0.05 * (high - low) + 1e-9)
    axes.set(xlabel="optimizer steps", ylabel=f"loss ({unit})", title=title)
    axes.grid(alpha=0.25)
    if train or valid:
        axes.legend(frameon=False)
    write_atomically(path, lambda temporary: figure.savefig(temporary, format="png"))

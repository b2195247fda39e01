"""A run's history as JSON lines, and its sparkline.

Every line has kind, step, epoch and seconds. ``train`` and ``validation`` lines have a loss. A run with
``--watch-gradients`` also has ``gradients`` lines (see ``elman.train.watch``), and its train lines have
``updates``: the relative change of each parameter in that step.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from elman.train.files import naming, write_atomically


class History:
    """Appends lines to a history file, or keeps them in memory only.

    Args:
        path: the file; None: in memory only.
        keep_bytes: length of the part of an existing file to keep; the rest is cut off, because a resumed
            run writes it again.
        check: called before each write; what it raises ends the write.
    """

    def __init__(
        self, path: Path | None, keep_bytes: int = 0, check: Callable[[], None] = lambda: None
    ) -> None:
        self.lines: list[dict[str, Any]] = []
        self._path, self._check = path, check
        if path is not None:
            self.lines = _parse(path.read_bytes()[:keep_bytes]) if path.exists() else []
            kept = "".join(map(_format, self.lines))
            write_atomically(path, lambda temporary: temporary.write_text(kept, "utf-8"), check)

    def append(self, line: dict[str, Any]) -> None:
        """Adds a line and flushes it."""
        self.lines.append(line)
        if self._path is not None:
            self._check()
            try:
                with naming(self._path), self._path.open("a", encoding="utf-8") as file:
                    file.write(_format(line))
            except FileNotFoundError:
                self._check()  # a folder that was replaced since the check before
                raise

    @property
    def bytes(self) -> int:
        """Length of the file."""
        return 0 if self._path is None else self._path.stat().st_size


def read_history(path: Path) -> list[dict[str, Any]]:
    """Reads the lines of a history file; skips an incomplete last line, as a killed run may leave."""
    return _parse(path.read_bytes()) if path.is_file() else []


def _format(line: dict[str, Any]) -> str:
    return json.dumps(line) + "\n"


def _parse(content: bytes) -> list[dict[str, Any]]:
    """Returns the lines up to the first malformed one."""
    lines = []
    for text in content.splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            break
        if not (isinstance(line, dict) and _is_valid(line)):
            break
        lines.append(line)
    return lines


def _is_valid(line: dict[str, Any]) -> bool:
    """Whether a line has the fields of its kind."""
    if not all(_is_number(line.get(key)) for key in ("step", "epoch", "seconds")):
        return False
    if line.get("kind") == "gradients":
        lags, layers = line.get("lags"), line.get("layers")
        return (
            isinstance(lags, list)
            and all(type(lag) is int for lag in lags)
            and isinstance(layers, list)
            and all(isinstance(layer, dict) and _is_profile(layer, len(lags)) for layer in layers)
        )
    updates = line.get("updates", {})
    return (
        line.get("kind") in ("train", "validation")
        and _is_number(line.get("loss"))
        and isinstance(updates, dict)
        and all(map(_is_number, updates.values()))
    )


def _is_profile(layer: dict[str, Any], lags: int) -> bool:
    """Whether this is a gradients line's entry for one layer, with the given number of lags."""
    norms = layer.get("norms")
    return (
        all(isinstance(layer.get(key), str) for key in ("layer", "verdict"))
        and isinstance(norms, list)
        and len(norms) == lags
        and all(n is None or _is_number(n) for n in (*norms, layer.get("decay"), layer.get("half_life")))
    )


def _is_number(value: object) -> bool:
    """Whether this is a number; it may be infinite, as a validation loss can be."""
    return type(value) is float or (type(value) is int and abs(value) < 2**63)


def looks_back(line: dict[str, Any]) -> float | None:
    """Returns the longest half-life of a gradients line's layers, in steps.

    Infinite if a layer's gradient does not decay; None if no layer was measured.
    """
    known = [
        layer for layer in line["layers"] if layer["decay"] is not None or layer["verdict"] == "exploding"
    ]
    lives = [math.inf if layer["half_life"] is None else layer["half_life"] for layer in known]
    return max(lives, default=None)


def format_number(value: float, digits: int = 3) -> str:
    """Formats with fixed decimals; below 0.1, with significant digits."""
    return f"{value:.{digits}f}" if abs(value) >= 0.1 else f"{value:.{digits}g}"


def sparkline(values: list[float], width: int = 40) -> str:
    """Returns a line of block characters for the finite values, sampled down to at most ``width``."""
    values = list(filter(math.isfinite, values))
    if not values:
        return ""
    step = max(1, len(values) / width)
    picked = [values[int(k * step)] for k in range(min(width, len(values)))]
    low, span = min(picked), (max(picked) - min(picked)) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[int(7 * (value - low) / span)] for value in picked)

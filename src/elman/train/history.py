"""A run's history: one JSON line after another, and its sparkline.

Every line has kind, step, epoch and seconds. ``train`` and ``validation`` lines have a loss. A watched run
(``--watch-gradients``) has ``gradients`` lines too (see ``elman.train.watch``), and in its train lines
``updates``: by how much of its size each parameter moved in that step.
"""

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
        if not (isinstance(line, dict) and _is_ours(line)):
            break
        lines.append(line)
    return lines


def _is_ours(line: dict[str, Any]) -> bool:
    """Whether a line has what its kind promises."""
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
    """Whether this is what a gradients line says of one layer, at so many lags."""
    norms = layer.get("norms")
    return (
        all(isinstance(layer.get(key), str) for key in ("layer", "verdict"))
        and isinstance(norms, list)
        and len(norms) == lags
        and all(n is None or _is_number(n) for n in (*norms, layer.get("decay"), layer.get("half_life")))
    )


def _is_number(value: object) -> bool:
    """Finite or not: a validation loss may be infinite."""
    return type(value) is float or (type(value) is int and abs(value) < 2**63)


def looks_back(line: dict[str, Any]) -> float | None:
    """By a gradients line: steps after which half the gradient is left, of the layer that keeps it longest.

    Infinite where it does not fade; None where no layer's is known.
    """
    known = [
        layer for layer in line["layers"] if layer["decay"] is not None or layer["verdict"] == "exploding"
    ]
    lives = [math.inf if layer["half_life"] is None else layer["half_life"] for layer in known]
    return max(lives, default=None)


def figure(value: float, digits: int = 3) -> str:
    """So many decimals; of what is below 0.1, so many digits."""
    return f"{value:.{digits}f}" if abs(value) >= 0.1 else f"{value:.{digits}g}"


def sparkline(values: list[float], width: int = 40) -> str:
    """A line of blocks whose heights are the finite values, thinned out to at most ``width``."""
    values = list(filter(math.isfinite, values))
    if not values:
        return ""
    step = max(1, len(values) / width)
    picked = [values[int(k * step)] for k in range(min(width, len(values)))]
    low, span = min(picked), (max(picked) - min(picked)) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[int(7 * (value - low) / span)] for value in picked)

"""What is told of a run, whatever its pieces are read as."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elman.config import counted
from elman.diagnose.remedies import Remedy
from elman.tasks.music.composition import Composition
from elman.tasks.music.options import MusicConfig
from elman.tasks.shared.table import behind_lines, table_lines

BARS = 16
"""Bars of the piece that is composed after training."""
_PICTURE = "composed.png"


def of_composed(composed: Composition, folder: Path | None) -> dict[str, Any]:
    """Returns what results say of the piece that was composed after training; draws it into the folder."""
    if folder is not None:
        title = f"{folder.name}: {counted(BARS, 'bar')} that the model composed"
        composed.draw(folder / _PICTURE, title)
    return {
        "bars": BARS,
        "notes": len(composed.piece),
        "key": composed.key,
        "chords": composed.chords,
        "longest_copy": composed.copied,
    }


def report(results: dict[str, Any], unit: str) -> str:
    """Returns the figures of all methods, and what was composed.

    Args:
        results: of a run.
        unit: what the nats are per: step or event.
    """
    composed = results["composed"]
    line = (
        f"composed: {counted(composed['bars'], 'bar')}, {counted(composed['notes'], 'note')}, most like "
        f"{composed['key']} ({_PICTURE}); the longest run that the training part has too, in any key: "
        f"{composed['longest_copy']} of {counted(composed['chords'], 'chord')}"
    )
    if "test" not in results:
        return f"trained on all pieces; no test part\n{line}"
    figure, words = f"nats_per_{unit}", f"nats per {unit}"
    test, others = results["test"], results["baselines"]
    rows = {name: [f"{row[figure]:.3f}"] for name, row in {**others, "this model": test}.items()}
    title = f"on the test part ({counted(test['pieces'], 'piece')}, {counted(test[f'{unit}s'], unit)})"
    behind = behind_lines(test, others, {figure: words}, higher_is_better=False)
    return "\n".join([*table_lines(title, [words], rows), *behind, "", line])


def proposals(config: MusicConfig, results: dict[str, Any], unit: str) -> Iterator[Remedy]:
    """Proposes options for a run that a simple method is ahead of."""
    figure = f"nats_per_{unit}"
    own, others = results.get("test", {}), results.get("baselines", {})
    ahead = [name for name, row in others.items() if row[figure] < own.get(figure, 0.0)]
    if not ahead:
        return
    why = f"{min(ahead, key=lambda name: others[name][figure])} is ahead"
    if config.representation != "events" and config.head == "independent":
        yield Remedy({"head": "joint"}, f"{why}: the notes of a chord depend on each other")
    if config.transpose == 0:
        yield Remedy({"transpose": 6}, f"{why}: moved to other keys, each passage is learnt in all of them")

"""What ``elman show`` prints of a run: options, data, training, loss curve and results."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elman.config import counted, is_finite, to_json
from elman.errors import InputError
from elman.tasks.shared.sizing import sizes_text
from elman.train import files
from elman.train.history import looks_back, read_history, sparkline


def lines(task: Any, folder: Path) -> Iterator[str]:
    """Yields the lines for a run, without what a run of an earlier version did not write down.

    Args:
        task: the run, opened; its model is not needed.
        folder: its folder, as the user named it.

    Raises:
        InputError: its results are not those of its task.
    """
    config = task.config
    yield f"{folder}: {task.name}, {config.network}"
    default = to_json(type(config)())
    chosen = task.origin.sized
    changed = [
        f"{key} {value}"
        for key, value in to_json(config).items()
        if value != default[key] and key not in chosen
    ]
    yield f"options: {', '.join(changed) or 'all at their defaults'}"
    if chosen:
        yield f"from the amount of data: {sizes_text(config, chosen)}"
    history = read_history(folder / files.HISTORY)
    started_from, parameters = getattr(config, "pretrained", None), task.parameters()
    facts = {
        "data": task.origin.data,
        "started from": str(started_from or ""),
        "parameters": "" if parameters is None else f"{parameters:,}",
        "trained": ", ".join(_training(task, history)),
    }
    yield from (f"{name}: {fact}" for name, fact in facts.items() if fact)
    yield from _pretraining(folder)
    yield from _curves(task, history)
    if not task.results:
        run = shlex.quote(str(folder))
        yield f"not finished; continue with: elman resume {run}{cell_again(task)}"
        return
    try:
        yield f"\n{task.report()}"
    except (LookupError, TypeError, ValueError, AttributeError):
        raise InputError(f"{folder / files.RESULTS}: must hold the results of {task.name}") from None


def cell_again(task: Any) -> str:
    """Returns what a command on a run must add if its cell is a file of the user's own."""
    return f" --cell {shlex.quote(task.config.cell)}" if ".py:" in task.config.cell else ""


def _training(task: Any, history: list[dict[str, Any]]) -> Iterator[str]:
    """Yields how long the training was and when it began."""
    seconds: Any = None
    if history:
        last = history[-1]
        yield counted(last["step"], "step")
        yield f"epoch {last['epoch']}"
        seconds = last["seconds"]
    elif type(task.results.get("steps")) is int:
        yield counted(task.results["steps"], "step")
        seconds = task.results.get("seconds")
    if is_finite(seconds):
        yield f"{seconds:,.0f} s"
    if task.origin.began:
        yield f"begun {task.origin.began.replace('T', ' ')}"


def _pretraining(folder: Path) -> Iterator[str]:
    """Yields the curve of the training that came before, if there was one."""
    history = read_history(folder / (files.PRETRAINING + files.HISTORY))
    losses = [line["loss"] for line in history if line["kind"] == "validation"]
    if losses:
        yield f"pre-training  {losses[0]:.3f} {sparkline(losses)} {losses[-1]:.3f} nats"


def _curves(task: Any, history: list[dict[str, Any]]) -> Iterator[str]:
    """Yields the curves of the losses, and of how far back a watched run's gradient reaches."""
    loss_unit = task.loss_unit()
    for kind in ("train", "validation"):
        losses = [line["loss"] for line in history if line["kind"] == kind]
        if losses:
            curve = sparkline([loss_unit(loss) for loss in losses])
            first, last = (loss_unit.shown(loss) for loss in (losses[0], losses[-1]))
            yield f"{kind:>10}  {first} {curve} {last} {loss_unit.name}"
    backs = [looks_back(line) for line in history if line["kind"] == "gradients"]
    known = [back for back in backs if back is not None]
    if known:
        yield f"looks back  {known[0]:.3g} {sparkline(known)} {known[-1]:.3g} steps"

"""Run folders: loads, opens (without the model) and resumes trained tasks."""

import dataclasses
import os
import shlex
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elman.cells.named import fingerprint, is_file
from elman.config import check_regular, flag, from_json, read_json, shown
from elman.draws import for_shapes
from elman.errors import InputError
from elman.notice import notice
from elman.registry import find_task, task_names
from elman.tasks.shared.origin import Origin
from elman.tasks.shared.sizing import check_sized
from elman.tasks.shared.task import FORMAT_VERSION, Task
from elman.train import files
from elman.train.checkpoint import load_weights

_NAMED = 3  # runs in a message


def load(
    folder: str | Path,
    cell: str | None = None,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    missing: Sequence[str] = (),
) -> Any:
    """Loads a trained task from its run folder, ready to use.

    Args:
        folder: the run folder; it may come from anywhere, since it holds only data and no code.
        cell: ``FILE.py:Class``, if the model was trained with a cell of your own; the file is executed.
        encoding: encoding of the text files that it reads from now on; None: as in training.
        separator: character between the cells of their tables; None: as in training.
        decimal: decimal mark of their numbers; None: as in training.
        missing: their cells that count as missing; if empty, as in training.

    Raises:
        InputError: the run folder is missing, damaged, unfinished or hostile, the message names the file; or
            the task reads no such files.
    """
    task = open_run(folder, cell)
    options = {"encoding": encoding, "separator": separator, "decimal": decimal, "missing": tuple(missing)}
    reading = {name: value for name, value in options.items() if value}
    for name in reading:
        if not hasattr(task.config, name):
            raise InputError(f"{flag(name)} is not for {task.name}, which reads no such files")
    task.config = dataclasses.replace(task.config, **reading)
    assert task.folder is not None
    try:
        with for_shapes():
            model = task.build()
    except InputError as error:
        raise InputError(f"{task.folder / files.CONFIG}: {error}") from None
    _check_has_weights(task.folder)
    weights = load_weights(task.folder / files.WEIGHTS, model)
    model.load_state_dict(weights, assign=True)
    task.model = model.eval()
    return task


def open_run(folder: str | Path, cell: str | None = None, *, to_run: bool = True) -> Task:
    """Reads a task's options, facts and results from its run folder, without the model.

    Args:
        folder: the run folder.
        cell: as for ``load``.
        to_run: whether the model will be built, so that a cell of the user's own must be named.
    """
    folder = Path(folder)
    _check_is_run(folder)
    path = folder / files.CONFIG
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("task"), str):
        raise InputError(f"{path}: must hold the configuration of a run")
    version = content.get("format_version")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        newer = " A newer elman wrote it." if type(version) is int and version > FORMAT_VERSION else ""
        raise InputError(
            f"{path}: format_version must be in [1, {FORMAT_VERSION}]. Got {shown(version)}.{newer}"
        )
    if content["task"] not in task_names():
        raise InputError(f"{path}: unknown task {shown(content['task'])}")
    cls: type[Task] = find_task(content["task"])
    options = content.get("config")
    if isinstance(options, dict):
        options = {**cls.Config.of_old_runs, **options}
    config = from_json(cls.Config, options, str(path))
    task = cls(_own_cell(config, cell, content.get("cell_sha256"), str(path)) if to_run else config)
    facts = content.get("facts")
    if not isinstance(facts, dict):
        raise InputError(f"{path}: facts must be an object")
    task.folder = folder
    task.origin = from_json(Origin, content.get("origin", {}), f"{path}: origin")
    check_sized(config, task.origin.sized, str(path))
    task.facts = cls.Facts.load(facts, task.config, folder)
    if cls.Data.needed_to_load:
        task.opened_data()
    results = folder / files.RESULTS
    task.results = read_json(results) if results.exists() else {}
    if not isinstance(task.results, dict):
        raise InputError(f"{results}: must hold an object")
    return task


def _check_is_run(folder: Path) -> None:
    """Raises InputError, with the names of any runs in the folder, unless it has a run's configuration."""
    if not folder.exists():
        raise InputError(f"{folder}: no such run folder")
    if not folder.is_dir():
        raise InputError(f"{folder}: must be a run folder. Got a file.")
    if not os.path.lexists(folder / files.CONFIG):
        runs = sorted(str(path.parent) for path in folder.glob(f"*/{files.CONFIG}"))
        more = ", …" if len(runs) > _NAMED else ""
        hint = f"; the run folders in it: {', '.join(runs[:_NAMED])}{more}" if runs else ""
        raise InputError(f"{folder}: not a run folder (it has no {files.CONFIG}){hint}")


def _check_has_weights(folder: Path) -> None:
    """Raises InputError if training has saved no weights; reports if it has not ended."""
    way_on = f"elman resume {shlex.quote(str(folder))} continues it"
    if not any(os.path.lexists(folder / name) for name in (files.WEIGHTS, files.RESULTS)):
        raise InputError(f"{folder}: its training has saved no weights yet; {way_on}")
    if os.path.lexists(folder / files.CHECKPOINT):
        notice(f"{folder}: its training has not ended, so these are its best weights so far; {way_on}")


def resume(folder: str | Path, *, cell: str | None = None, show_progress: bool = False) -> Task:
    """Continues an interrupted or killed run, to the same weights as without the interruption.

    Raises:
        InputError: the run is finished, another process is training it, or its folder holds something that
            no run writes.
    """
    folder = Path(folder)
    _check_is_run(folder)
    for path in folder.iterdir():  # writing through a link would overwrite a file outside the folder
        if not (files.is_report(path) or files.is_left_of_a_report(path)):
            check_regular(path)
    with files.Claim(folder) as claim:
        task = open_run(folder, cell)
        saved = (folder / files.CHECKPOINT).exists()
        if not saved and (task.results or (folder / files.WEIGHTS).exists()):
            raise InputError(f"{folder}: is finished; there is nothing to resume")
        if not saved and getattr(task.config, "pretrained", None) is not None:
            raise InputError(
                f"{folder}: was stopped before its first checkpoint, which holds the weights of the run that "
                f"it starts from ({task.config.pretrained}); train it again"
            )
        claim.check()
        parts = task.opened_data().parts()
        if not saved:
            notice(f"{folder}: has no checkpoint yet, so training begins again")
        task._train(parts, task._loop(parts, show_progress, claim.check), show_progress, resume=saved)
    return task


def _own_cell(config: Any, cell: str | None, recorded: object, source: str) -> Any:
    """Returns the options with the user's own cell, which must be named: a run folder executes no code."""
    if not is_file(config.cell):
        if cell is not None:
            raise InputError(f"{source}: the cell is {shown(config.cell)}; no --cell is needed to load it")
        return config
    if cell is None:
        raise InputError(
            f"{source}: the cell is {shown(config.cell)}, a file that is not part of elman: name it with "
            "--cell FILE.py:Class to execute it"
        )
    if not is_file(cell):
        raise InputError(f"--cell must be FILE.py:Class. Got {shown(cell)}.")
    if fingerprint(cell) != recorded:
        warnings.warn(f"{cell}: is not the file that the run was trained with", stacklevel=3)
    return dataclasses.replace(config, cell=cell)

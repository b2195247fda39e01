"""Exports a layer or a trained task: writes files, runs them, and keeps what agrees."""

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from torch import nn

from elman.compiler import NotCompilable
from elman.errors import Disagreement, InputError
from elman.exporters.check import differences
from elman.exporters.network import in_double, network_of
from elman.exporters.rounding import rounded
from elman.exporters.source import Exportable, ToExport
from elman.layers.recurrent import Recurrent
from elman.train import files
from elman.version import __version__

Target = Literal["onnx", "c"]
Weights = Literal["float32", "int8"]
LARGEST_DIFFERENCE: dict[Target, float] = {"onnx": 2e-6, "c": 1e-6}
"""Of an export from the network in double precision, unless the network itself is further from it."""
_SHARE_OF_OWN = 4.0  # times the network's own rounding, which an export's may be


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        folder: the folder.
        files: names of the files in it.
        difference: the largest difference of their results from the network in double precision; None if
            nothing here can run them.
        own: the same of the network itself, in single precision.
        sizes: bytes that a program needs, by what for.
        test: figures of the run's test part: its name, then the model's and that with int8 weights.
        notes: what a user must know, a line each.
    """

    folder: Path
    files: tuple[str, ...]
    difference: float | None
    own: float | None
    sizes: dict[str, int] = field(default_factory=dict)
    test: tuple[str, float, float] | None = None
    notes: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Returns it as one object of JSON."""
        own = asdict(self) | {"folder": str(self.folder)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}

    def lines(self) -> list[str]:
        """Returns it as lines to print."""
        width = max(map(len, self.files))
        told = [f"{name:<{width}}  {(self.folder / name).stat().st_size:,} bytes" for name in self.files]
        told += [f"{what}: {size:,} bytes" for what, size in self.sizes.items()]
        if self.difference is not None:
            told.append(
                f"largest difference from the network in double precision: {self.difference:.2g} "
                f"(the network's own in single precision: {self.own:.2g})"
            )
        if self.test is not None:
            name, before, after = self.test
            told.append(f"{name} of the test part: {before:.4g}, with the weights as int8 {after:.4g}")
        return [*told, *self.notes, f"export folder  {self.folder}"]


def export(
    source: Any,
    folder: str | Path,
    to: Target = "onnx",
    *,
    name: str | None = None,
    weights: Weights = "float32",
    scan: bool = False,
    overwrite: bool = False,
) -> Exported:
    """Writes a layer or a trained task to files that other programs run.

    ``onnx`` writes ``model.onnx`` for whole sequences (x [T, B, I], lengths [B], states) and ``step.onnx``
    for one step (x [B, I], reset [B], states); T and B are free. ``c`` writes the header ``NAME.h`` with
    ``NAME_step(state, x, y)``, which allocates nothing. The files are run beside the network before they are
    kept. What a task's files must keep besides is also in ``metadata.json``.

    Args:
        source: a layer such as ``elman.LSTM``, or a fitted task.
        folder: a new folder.
        to: the target.
        name: with which all names of C begin; None: the folder's name.
        weights: of C; ``int8`` writes matrices in a byte a number, each of whose rows has a unit of its own.
        scan: ONNX's step in plain operations, and whole sequences as a loop of it, for cells that ONNX has no
            node of and runtimes that compute the nodes wrong; the loop runs slowly.
        overwrite: replaces an earlier export in the folder.

    Raises:
        InputError: it cannot be exported, the folder exists, or a library is missing; the message is a line.
        Disagreement: the files do not compute what the network computes; none is kept.
    """
    folder = Path(folder)
    options = _options(to, name, weights, scan, folder)
    given = _given(source)
    files.check_new_export(folder, overwrite)
    target = _loaded(f"elman.exporters.{to}.write")
    model, test = given.model, None
    if weights == "int8":
        model = rounded(given.model)
        test = _measured(given, model)
    with _evaluating(model):
        network, exact = network_of(model), in_double(model)
        try:
            with files.scratch_folder(folder) as scratch:
                written = target.write(network, scratch, {"elman": __version__, **given.metadata}, **options)
                found = list(differences(written.whole, written.step, network, exact))
                difference, own = (
                    (max(column) for column in zip(*found, strict=True)) if found else (None, None)
                )
                most = max(LARGEST_DIFFERENCE[to], _SHARE_OF_OWN * (own or 0.0))
                if difference is not None and not difference <= most:
                    raise Disagreement(
                        f"{folder}: nothing is kept, because the files differ from the network by "
                        f"{difference:.2g}, more than {most:.2g}"
                    )
                named = written.files
                if given.metadata:
                    files.write_json(scratch / files.METADATA, dict(given.metadata))
                    named = (*named, files.METADATA)
                files.install(scratch, folder, overwrite, files.check_new_export)
        except NotCompilable as error:
            raise InputError(f"the cell's step has no form in an export: {error}") from None
    notes = (*given.notes, *written.notes)
    return Exported(folder, named, difference, own, dict(written.sizes), test, notes)


def _options(to: Target, name: str | None, weights: Weights, scan: bool, folder: Path) -> dict[str, Any]:
    """Returns the options of a target. Raises InputError for one that it does not take."""
    if to == "onnx":
        if name is not None or weights != "float32":
            raise InputError(f"{'--weights' if name is None else '--name'} is for --to c")
        return {"scan": scan}
    if to != "c":
        raise InputError(f"--to must be onnx or c. Got {to!r}.")
    if scan:
        raise InputError("--scan is for --to onnx")
    if weights not in ("float32", "int8"):
        raise InputError(f"--weights must be float32 or int8. Got {weights!r}.")
    plain = re.sub(r"\W+", "_", folder.resolve().name, flags=re.ASCII).strip("_")
    return {"name": name or (plain if plain[:1].isalpha() else "model"), "int8": weights == "int8"}


def _given(source: Any) -> ToExport:
    if isinstance(source, Recurrent):
        return ToExport(source)
    if isinstance(source, Exportable):
        return source.to_export()
    raise InputError(f"a layer or a fitted task is exported. Got {type(source).__name__}.")


def _measured(given: ToExport, model: nn.Module) -> tuple[str, float, float] | None:
    """Measures the model and another on the run's own test part; None if there is none."""
    if given.measure is None:
        return None
    before, after = given.measure(given.model), given.measure(model)
    return None if before is None or after is None else (given.figure, before, after)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Keeps a model in evaluation mode within the block."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _loaded(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("elman"):
            raise
        raise InputError(
            f"{error.name} is not installed; install it with: pip install 'elman[onnx]'"
        ) from None

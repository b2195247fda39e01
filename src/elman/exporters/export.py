"""Exports a layer or a trained task: writes files, runs them, and keeps what agrees."""

import importlib
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from elman.compiler import NotCompilable
from elman.errors import Disagreement, InputError
from elman.exporters.network import in_double, network_of
from elman.exporters.source import Exportable, ToExport
from elman.layers.recurrent import Recurrent
from elman.train import files
from elman.version import __version__

Target = Literal["onnx"]
LARGEST_DIFFERENCE = 2e-6
"""Of an export from the network in double precision, unless the network itself is further from it."""
_SHARE_OF_OWN = 4.0  # times the network's own rounding, which an export's may be


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        folder: the folder.
        files: names of the files in it.
        difference: the largest difference of their results from the network in double precision.
        own: the same of the network itself, in single precision.
        notes: what a user must know, a line each.
    """

    folder: Path
    files: tuple[str, ...]
    difference: float
    own: float
    notes: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Returns it as one object of JSON."""
        own = asdict(self) | {"folder": str(self.folder)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}

    def lines(self) -> list[str]:
        """Returns it as lines to print."""
        width = max(map(len, self.files))
        sizes = [(self.folder / name).stat().st_size for name in self.files]
        told = [f"{name:<{width}}  {size:,} bytes" for name, size in zip(self.files, sizes, strict=True)]
        told.append(
            f"largest difference from the network in double precision: {self.difference:.2g} "
            f"(the network's own in single precision: {self.own:.2g})"
        )
        return [*told, *self.notes, f"export folder  {self.folder}"]


def export(
    source: Any, folder: str | Path, to: Target = "onnx", *, scan: bool = False, overwrite: bool = False
) -> Exported:
    """Writes a layer or a trained task to files that other programs run.

    ``onnx`` writes ``model.onnx`` for whole sequences (x [T, B, I], lengths [B], states) and ``step.onnx``
    for one step (x [B, I], reset [B], states); T and B are free. The files are run beside the network before
    they are kept.

    Args:
        source: a layer such as ``elman.LSTM``, or a fitted task.
        folder: a new folder.
        to: the target.
        scan: writes the step in plain operations, and whole sequences as a loop of it, for cells that ONNX
            has no node of and runtimes that compute the nodes wrong; the loop runs slowly.
        overwrite: replaces an earlier export in the folder.

    Raises:
        InputError: it cannot be exported, the folder exists, or a library is missing; the message is a line.
        Disagreement: the files do not compute what the network computes; none is kept.
    """
    if to != "onnx":
        raise InputError(f"--to must be onnx. Got {to!r}.")
    given = _given(source)
    folder = Path(folder)
    files.check_new_export(folder, overwrite)
    target, check = (_loaded(f"elman.exporters.onnx.{name}") for name in ("write", "check"))
    training = given.model.training
    given.model.eval()
    try:
        network, exact = network_of(given.model), in_double(given.model)
        with files.scratch_folder(folder) as scratch:
            written, notes = target.write(network, scratch, {"elman": __version__, **given.metadata}, scan)
            found = list(check.differences(written, network, exact))
            difference, own = (max(column) for column in zip(*found, strict=True))
            most = max(LARGEST_DIFFERENCE, _SHARE_OF_OWN * own)
            if not difference <= most:
                raise Disagreement(
                    f"{folder}: nothing is kept, because the files differ from the network by "
                    f"{difference:.2g}, more than {most:.2g}"
                )
            files.install(scratch, folder, overwrite, files.check_new_export)
    except NotCompilable as error:
        raise InputError(f"the cell's step has no form in ONNX: {error}") from None
    finally:
        given.model.train(training)
    names = tuple(path.name for path in written)
    return Exported(folder, names, difference, own, (*given.notes, *notes))


def _given(source: Any) -> ToExport:
    if isinstance(source, Recurrent):
        return ToExport(source)
    if isinstance(source, Exportable):
        return source.to_export()
    raise InputError(f"a layer or a fitted task is exported. Got {type(source).__name__}.")


def _loaded(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("elman"):
            raise
        raise InputError(
            f"{error.name} is not installed; install it with: pip install 'elman[onnx]'"
        ) from None

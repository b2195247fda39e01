"""Folders of a data set that is divided into parts already, which are no labels."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from elman.config import counted, listed
from elman.data.read.opening import kind_of
from elman.data.read.tables import TABLES
from elman.errors import InputError
from elman.notice import notice

UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled")
"""Names of folders of texts without labels, beside those of the labels."""

_PARTS = {
    **dict.fromkeys(("train", "training"), ""),
    **dict.fromkeys(("valid", "validation", "val", "dev", "devel"), "--validation "),
    **dict.fromkeys(("test", "testing", "eval"), "--test "),
}
"""Names of parts, and the option that takes each."""

_SUFFIX = re.compile("[ _-]?(set|data)$")


def check_no_parts(path: Path) -> None:
    """Raises InputError if the folders (or files) in a folder are the parts of a data set, not labels."""
    inside = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    entries = [p for p in inside if p.is_dir()] or inside
    parts = {p: _name(p) for p in entries if _name(p) in _PARTS}
    training = [p for p, name in parts.items() if not _PARTS[name]]
    only_folder = len(entries) == 1 and entries[0].is_dir()
    if not training or (len(parts) == 1 and not only_folder):
        return
    in_order = [*training, *(p for p in parts if p not in training)]
    names = ", ".join(p.name for p in in_order)
    given = " ".join(f"{_PARTS[parts[p]]}{p}" for p in in_order)
    raise InputError(f"{path}: must be divided by labels, not into parts ({names}). Give each part: {given}")


def tell_folders(path: Path, labels: Sequence[str], read: Collection[str] = ()) -> None:
    """Reports the labels of a folder with a folder for each, and the files beside them that are not read."""
    files = (p.name for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    beside = sorted(name for name in files if name not in read)
    left_out = f"; left out beside them: {listed(beside)}" if beside else ""
    notice(f"{path}: a folder is a label: {counted(len(labels), 'label')} ({listed(labels)}){left_out}")


def check_no_tables(files: Sequence[Path]) -> None:
    """Raises InputError if an example in a folder of a label is a table, which is no single text."""
    for file in files:
        if kind_of(file) in TABLES:
            raise InputError(
                f"{file}: is a table; in the folder of a label each file must be a text, or an array (.npy). "
                "A table with a column of labels is given by itself."
            )


def _name(path: Path) -> str:
    """Returns what a name means: train for train, Train_set and train.csv."""
    name = path.name if path.is_dir() else path.name.partition(".")[0]
    return _SUFFIX.sub("", name.lower())

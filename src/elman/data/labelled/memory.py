"""Labelled examples from what holds them in memory: lists, arrays, tensors, columns and frames."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.config import require, shown
from elman.data.labelled.examples import Label, Labelled, check_label, check_text, numeric
from elman.data.sequences import sequences_from_arrays
from elman.errors import InputError

_TEXTS = "OUST"  # kinds of NumPy's types that may hold texts


@dataclass(frozen=True)
class Labels:
    """Labels as they were given.

    Attributes:
        values: of each example: one, or, where ``multi_label``, any number.
        multi_label: whether an example may have several labels, or none.
        columns: labels that an indicator has columns of; otherwise empty.
    """

    values: list[tuple[Label, ...]]
    multi_label: bool
    columns: tuple[Label, ...] = ()

    def names(self) -> dict[Label, str]:
        """The text that each label goes by, of labels to learn.

        Raises:
            InputError: two are equal or read the same, yet are of unlike types; or none has that of a column.
        """
        names: dict[Label, str] = {}
        first: dict[str, Label] = {}
        for k, row in enumerate(self.values):
            for label in row:
                name = names.setdefault(label, str(label))  # that of 1 for 1.0, which equals it
                other = first.setdefault(name, label)
                if type(other) is not type(label):
                    raise InputError(
                        f"y[{k}]: label {shown(label)} cannot be told from {shown(other)}; "
                        "labels must be of one type"
                    )
        for column in self.columns:
            if column not in names:
                raise InputError(f"y: column {shown(column)} holds no 1, so its label cannot be learnt")
        return names


def read_labels(y: Any, where: str = "") -> Labels:
    """Labels from a list, an array, a column or a frame.

    What has two axes is read as scikit-learn does: one column as a label for each example; several as an
    indicator of 0 and 1, whose labels are the numbers of the columns or, of a frame, their names.

    Args:
        y: a label (a text, number or bool) for each example, or whatever holds several labels for each.
        where: begins messages.

    Raises:
        InputError: there are no labels, or one is neither text nor number.
    """
    if y is None:
        raise InputError(f"{where}y: labels are needed")
    axes = len(getattr(y, "shape", (0,)))
    columns: tuple[Any, ...] = ()
    if axes == 2:
        values, columns = _of_columns(y, where)
    else:
        values = _plain(y)
        # a text is no list, and a set has no order
        fits = isinstance(values, list) and axes < 2 and not isinstance(y, Set)
        require(f"{where}y", fits, "a list of labels", y)
        values = list(map(_plain, values))
    multi_label = bool(columns) or any(isinstance(value, list) for value in values)
    found = []
    for k, value in enumerate(values):
        if multi_label and not isinstance(value, list):
            raise InputError(f"{where}y[{k}]: must be a list of labels, as others are. Got {shown(value)}.")
        labels = value if multi_label else [value]
        found.append(tuple(check_label(_plain(label), f"{where}y[{k}]") for label in labels))
    return Labels(found, multi_label, columns)


def _of_columns(y: Any, where: str) -> tuple[list[Any], tuple[Any, ...]]:
    """Labels of each row, and the columns of an indicator."""
    rows = y.tolist() if hasattr(y, "tolist") else np.asarray(y).tolist()
    columns = tuple(_plain(y.columns) if hasattr(y, "columns") else range(y.shape[1]))
    if len(columns) == 1:
        return [row[0] for row in rows], ()
    for k, row in enumerate(rows):
        fits = all(isinstance(cell, int | float) and cell in (0, 1) for cell in row)
        require(f"{where}y[{k}]", fits, "0 and 1 alone, a column for each label", row)
    return [[c for c, cell in zip(columns, row, strict=True) if cell] for row in rows], columns


def _plain(value: Any) -> Any:
    """What holds several values as a list of them; one number of NumPy or torch as Python's."""
    for method in ("tolist", "to_list"):  # NumPy's, pandas' and torch's; polars'
        if hasattr(value, method):
            return getattr(value, method)()
    holds_several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    return list(value) if holds_several else value


def labelled_from_memory(
    X: Any,
    labels: Labels | None = None,
    lengths: Any = None,
    *,
    names: Mapping[Label, str] | None = None,
    where: str = "",
) -> Labelled:
    """Examples from lists, arrays, tensors, columns or frames.

    Args:
        X: texts; pairs of texts, which may stand in two columns; or numbers [N, T, I] or [N, T].
        labels: of each; None: not known.
        lengths: [N] steps of each sequence of numbers, or None: all T.
        names: texts that labels go by; others go by their own.
        where: begins messages, and the examples' places.

    Raises:
        InputError: X and labels do not fit, an example is of another kind, or a text to learn from is empty.
    """
    name = f"{where}X"
    X = _of_known_kind(X, name)
    texts = _rows_with_texts(X)
    if texts:
        require(f"{where}lengths", lengths is None, "None beside texts", lengths)
        items: list[Any] = _texts(texts, name)
        features: tuple[str, ...] = ()
    else:
        unnamed = numeric(sequences_from_arrays(X, None, lengths, name), [], [], multi_label=False)
        items, features = unnamed.items, unnamed.features
    places = [f"{name}[{k}]" for k in range(len(items))]
    if labels is None:
        return Labelled(items, [()] * len(items), places, features)
    if len(labels.values) != len(items):
        raise InputError(
            f"{where}y must have {len(items)} labels, as X has examples. Got {len(labels.values)}."
        )
    if texts:
        for item, place in zip(items, places, strict=True):
            check_text(item, place)
    known = names or {}
    named = [tuple(sorted({known.get(label, str(label)) for label in row})) for row in labels.values]
    return Labelled(items, named, places, features, labels.multi_label)


def _of_known_kind(X: Any, name: str) -> Any:
    """X, as a list where it is no array; InputError where it holds no examples in an order."""
    if isinstance(X, str):
        raise InputError(f"{name} must be a list of texts. Got one text; give [text].")
    in_order = isinstance(X, Iterable) and not isinstance(X, bytes | Mapping | Set)
    require(name, in_order, "texts, pairs of texts or numbers [N, T, I]", X)
    if hasattr(X, "shape"):
        return X
    items = list(X)
    if not items:
        raise InputError(f"{name} must hold at least one example. Got none.")
    return items


def _rows_with_texts(X: Any) -> list[Any]:
    """The examples, where any of them holds a text; otherwise nothing."""
    if hasattr(X, "detach"):  # a tensor holds none
        return []
    if not isinstance(X, list):
        array = np.asarray(X)
        X = array.tolist() if array.ndim and array.dtype.kind in _TEXTS else []
    return X if any(map(_holds_text, X)) else []


def _holds_text(item: Any) -> bool:
    if isinstance(item, np.ndarray):
        item = item.tolist() if item.dtype.kind in _TEXTS else None
    parts = item if isinstance(item, list | tuple) else [item]
    return any(isinstance(part, str | bytes) for part in parts)


def _texts(rows: list[Any], name: str) -> list[tuple[str, ...]]:
    first = next(row for row in rows if _holds_text(row))
    width = 1 if isinstance(first, str | bytes) else len(first)
    require(name, width <= 2, "texts or pairs of texts (of a table, one column or two)", first)
    return [texts_of_example(row, width, f"{name}[{k}]") for k, row in enumerate(rows)]


def texts_of_example(item: Any, width: int, place: str) -> tuple[str, ...]:
    """The text of an example, or the two of a pair; InputError where it is something else."""
    texts = tuple(item) if isinstance(item, tuple | list | np.ndarray) else (item,)
    fits = len(texts) == width and all(isinstance(text, str) for text in texts)
    require(place, fits, "a text" if width == 1 else "a pair of texts", item)
    return texts

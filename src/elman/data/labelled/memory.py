"""Labelled examples from memory: lists, arrays, tensors, columns and frames."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elman.config import require, shown
from elman.data.labelled.examples import Label, Labelled, check_label, check_text, numeric
from elman.data.labelled.scheme import Indicator
from elman.data.read.arrays import check_weights
from elman.data.sequences import sequences_from_arrays
from elman.errors import InputError

_TEXTS = "OUST"  # kinds of NumPy types that may hold texts


@dataclass(frozen=True)
class Labels:
    """Labels as the user gave them.

    Attributes:
        values: per example one label or, with ``multi_label``, any number.
        multi_label: whether an example may have any number of labels.
        columns: labels of an indicator's columns; otherwise empty.
        indicator: whether the labels are an indicator in an array or a sparse matrix; "" if they are neither.
    """

    values: list[tuple[Label, ...]]
    multi_label: bool
    columns: tuple[Label, ...] = ()
    indicator: Indicator = ""

    def names(self) -> dict[Label, str]:
        """Returns the name (a text) of each label to learn.

        Those of an indicator are in the order of its columns, also of columns that hold no 1.

        Raises:
            InputError: two labels are equal or have the same text, but differ in type.
        """
        names: dict[Label, str] = {}
        first: dict[str, Label] = {}
        for k, row in enumerate([self.columns, *self.values], -1):
            for label in row:
                name = names.setdefault(label, str(label))  # 1.0 equals 1 and gets its name
                other = first.setdefault(name, label)
                if type(other) is not type(label):
                    where = "y" if k < 0 else f"y[{k}]"
                    raise InputError(
                        f"{where}: label {shown(label)} cannot be distinguished from {shown(other)}; "
                        "labels must be of one type"
                    )
        return names

    def renamed(self, columns: Sequence[Label]) -> "Labels":
        """Returns the labels of an indicator whose columns have other names, by their position."""
        number = {column: k for k, column in enumerate(self.columns)}
        values = [tuple(columns[number[label]] for label in row) for row in self.values]
        return Labels(values, self.multi_label, tuple(columns), self.indicator)


def read_labels(y: Any, where: str = "") -> Labels:
    """Reads labels from a list, an array, a column or a frame.

    Two axes are read as in scikit-learn: one column is a label per example; several are an indicator of 0
    and 1, with the columns' numbers, or a frame's column names, as labels. Lists of 0 and 1 are an indicator
    if they have the same length and one of them repeats a value, which no list of labels does.

    Args:
        y: a label (a text, number or bool) per example, or a collection of labels per example.
        where: prefix of messages.

    Raises:
        InputError: there are no labels, or one is neither a text nor a number.
    """
    if y is None:
        raise InputError(f"{where}y: labels are needed")
    y = _converted(y)
    axes = len(getattr(y, "shape", (0,)))
    columns: tuple[Any, ...] = ()
    is_sparse = hasattr(y, "toarray")
    if is_sparse or axes == 2 or _is_indicator(y):
        values, columns = _of_columns(y.toarray() if is_sparse else y, where)
    else:
        values = _plain(y)
        # a text is not a list of labels, and a set has no order
        fits = isinstance(values, list) and axes < 2 and not isinstance(y, Set)
        require(f"{where}y", fits, "a list of labels", y)
        values = list(map(_plain, values))
    multi_label = bool(columns) or any(isinstance(value, list) for value in values)
    result = []
    for k, value in enumerate(values):
        if multi_label and not isinstance(value, list):
            raise InputError(f"{where}y[{k}]: must be a list of labels, like the others. Got {shown(value)}.")
        labels = value if multi_label else [value]
        result.append(tuple(check_label(_plain(label), f"{where}y[{k}]") for label in labels))
    return Labels(result, multi_label, columns, ("sparse" if is_sparse else "array") if columns else "")


def _is_indicator(y: Any) -> bool:
    """Returns whether lists of 0 and 1 can only be the rows of an indicator."""
    if not (isinstance(y, list | tuple) and y and all(isinstance(row, list | tuple) for row in y)):
        return False
    return (
        len({len(row) for row in y}) == 1
        and all(isinstance(cell, int) and cell in (0, 1) for row in y for cell in row)
        and any(len(set(row)) < len(row) for row in y)
    )


def _of_columns(y: Any, where: str) -> tuple[list[Any], tuple[Any, ...]]:
    """Returns the labels of each row, and the columns of an indicator."""
    rows = y.tolist() if hasattr(y, "tolist") else np.asarray(y).tolist()
    columns = tuple(_plain(y.columns) if hasattr(y, "columns") else range(len(rows[0]) if rows else 0))
    if len(columns) == 1:
        return [row[0] for row in rows], ()
    for k, row in enumerate(rows):
        fits = all(isinstance(cell, int | float) and cell in (0, 1) for cell in row)
        require(f"{where}y[{k}]", fits, "0 or 1 in each column, one column per label", row)
    return [[c for c, cell in zip(columns, row, strict=True) if cell] for row in rows], columns


def _converted(values: Any) -> Any:
    """Returns an object that only offers a conversion to an array as that array, anything else as it is."""
    return np.asarray(values) if hasattr(values, "__array__") and not hasattr(values, "shape") else values


def _plain(value: Any) -> Any:
    """Converts a collection to a list, and a NumPy or torch number to a Python number."""
    for method in ("tolist", "to_list"):  # NumPy, pandas, torch; polars
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
    weights: Any = None,
    where: str = "",
) -> Labelled:
    """Returns examples from lists, arrays, tensors, columns or frames.

    Args:
        X: texts; pairs of texts, also as two columns; or numbers [N, T, I] or [N, T].
        labels: labels of the examples; None: unknown.
        lengths: [N] steps of each sequence of numbers, or None: all T.
        names: name of each label; default: the label as text.
        weights: [N] weight of each example; None: all 1.
        where: prefix of messages and of the examples' places.

    Raises:
        InputError: X and labels or weights differ in length, examples are of different kinds, a text to
            learn from is empty, or a weight is negative or not finite.
    """
    name = f"{where}X"
    X = _of_known_kind(_converted(X), name)
    texts = _rows_with_texts(X)
    if texts:
        require(f"{where}lengths", lengths is None, "None with texts", lengths)
        items: list[Any] = _texts(texts, name)
        features: tuple[str, ...] = ()
    else:
        _check_axes(X, name)
        unnamed = numeric(sequences_from_arrays(X, None, lengths, name), [], [], multi_label=False)
        items, features = unnamed.items, unnamed.features
    places = [f"{name}[{k}]" for k in range(len(items))]
    if texts and labels is not None:
        for item, place in zip(items, places, strict=True):
            check_text(item, place)
    return with_labels(Labelled(items, [()] * len(items), places, features), labels, name, names, weights)


def with_labels(
    examples: Labelled,
    labels: Labels | None,
    name: str = "X",
    names: Mapping[Label, str] | None = None,
    weights: Any = None,
) -> Labelled:
    """Returns examples in memory with their labels.

    Args:
        examples: N examples without labels.
        labels: of the examples; None: unknown.
        name: of the examples, for messages.
        names: name of each label; None: the label as text.
        weights: [N] weight of each example; None: all 1.

    Raises:
        InputError: examples and labels or weights differ in number, or a weight is negative or not finite.
    """
    if labels is None:
        return examples
    number = len(examples)
    if len(labels.values) != number:
        y = f"{name.removesuffix('X')}y"
        raise InputError(
            f"{y} must have a label for each of {number} examples of X. Got {len(labels.values)}."
        )
    known = names or {}
    named = [tuple(sorted({known.get(label, str(label)) for label in row})) for row in labels.values]
    weighted = () if weights is None else tuple(check_weights(weights, number).tolist())
    return replace(examples, labels=named, multi_label=labels.multi_label, weights=weighted)


def _of_known_kind(X: Any, name: str) -> Any:
    """Returns an array as it is, anything else as a list; raises InputError if it has no ordered examples."""
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
    """Returns the examples if any of them holds a text, otherwise an empty list."""
    if hasattr(X, "detach"):  # a tensor holds no texts
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


def _check_axes(X: Any, name: str) -> None:
    """Raises InputError if an example is missing, or if all are single numbers, as in one sequence."""
    if len(getattr(X, "shape", (0,))) != 1 or hasattr(X, "columns"):
        return
    items = list(X)
    for k, item in enumerate(items):
        # pandas.NA cannot be compared
        if not getattr(item, "shape", ()) and str(item).lower() in ("nan", "<na>", "nat", "none"):
            require(f"{name}[{k}]", False, "a text, a pair of texts or numbers [steps, features]", item)
    if all(np.ndim(item) == 0 for item in items if not hasattr(item, "columns")):
        raise InputError(
            f"{name} must be texts, pairs of texts or numbers [N, T, I]. Got {len(items):,} single numbers; "
            f"one sequence X is given as [X]."
        )


def _texts(rows: list[Any], name: str) -> list[tuple[str, ...]]:
    first = next(row for row in rows if _holds_text(row))
    width = 1 if isinstance(first, str | bytes) else len(first)
    require(name, width <= 2, "texts or pairs of texts (in a table, one column or two)", first)
    return [texts_of_example(row, width, f"{name}[{k}]") for k, row in enumerate(rows)]


def texts_of_example(item: Any, width: int, place: str) -> tuple[str, ...]:
    """Returns the text of an example, or both texts of a pair; raises InputError for anything else."""
    texts = tuple(item) if isinstance(item, tuple | list | np.ndarray) else (item,)
    fits = len(texts) == width and all(isinstance(text, str) for text in texts)
    require(place, fits, "a text" if width == 1 else "a pair of texts", item)
    return texts

"""Tagged sequences from memory: lists of words, arrays of numbers, frames."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from elman.config import require, shown
from elman.data.read.arrays import is_array
from elman.data.sequences import sequences_from_arrays
from elman.data.tagged.sequences import Tagged, Words
from elman.errors import InputError


def tagged_from_memory(
    X: Any, y: Any = None, inputs: Any = None, columns: tuple[str, ...] = (), where: str = ""
) -> Tagged:
    """Returns sentences of lists of words, or sequences of arrays of numbers.

    Args:
        X: N lists of words; or N arrays [T, I] or [T]; or numbers [N, T, I] or [N, T].
        y: N lists of tags, one for each step; None: they are unknown.
        inputs: cells of each of the columns, N lists each: a mapping by their names, or a list in their
            order; None: there are none.
        columns: names of the further columns.
        where: prefix of messages.

    Raises:
        InputError: a sentence is empty, an element is no text, or there is not one tag or cell a word.
    """
    if _are_numbers(X):
        require(f"{where}inputs", inputs is None, "left out for numbers", inputs)
        return steps_from_memory(X, y, None, where)
    words = _lists(X, f"{where}X")
    require(f"{where}X", bool(words), "at least one sentence", X)
    tags, are_whole = _tags(y, words, f"{where}y", "word")
    cells = [_parallel(each, words, name) for name, each in _columns(inputs, columns, where)]
    return Tagged(
        words,
        tags,
        [tuple(column[k] for column in cells) for k in range(len(words))],
        [f"{where}X[{k}]" for k in range(len(words))],
        columns,
        are_whole=are_whole,
    )


def steps_from_memory(x: Any, y: Any = None, lengths: Any = None, where: str = "") -> Tagged:
    """Returns sequences of numbers.

    Args:
        x: as ``sequences_from_arrays`` reads them.
        y: N lists of tags, one for each step (of arrays, those past a sequence's end are left out); None:
            they are unknown.
        lengths: [N] steps of each sequence; None: all T, or those of the arrays.
        where: prefix of messages.
    """
    sequences = sequences_from_arrays(x, None, lengths, f"{where}X")
    items = sequences.items
    if getattr(y, "ndim", 0) == 2:
        require(f"{where}y", len(y) == len(items), f"{len(items)} lists, as X", len(y))
        y = [each[: len(item)] for each, item in zip(y, items, strict=True)]
    tags, are_whole = _tags(y, items, f"{where}y", "step")
    return Tagged(
        items,
        tags,
        [()] * len(items),
        [f"{where}X[{k}]" for k in range(len(items))],
        (),
        tuple(sequences.features),
        tuple(sequences.ids),
        are_whole,
    )


def _are_numbers(X: Any) -> bool:
    """Whether sequences are numbers, by the first of them."""
    if getattr(getattr(X, "dtype", None), "kind", "") in ("b", "i", "u", "f") or hasattr(X, "detach"):
        return True
    first = X[0] if isinstance(X, list | tuple) and len(X) else None
    if first is not None and is_array(first):
        return getattr(getattr(first, "dtype", None), "kind", "f") not in ("O", "U", "S", "T")
    while isinstance(first, list | tuple) and len(first):
        first = first[0]
    return isinstance(first, int | float)


def _columns(inputs: Any, columns: tuple[str, ...], where: str) -> list[tuple[str, Any]]:
    """Returns each further column with its name for messages."""
    if inputs is None and not columns:
        return []
    values = [inputs.get(name) for name in columns] if isinstance(inputs, Mapping) else inputs
    fits = (
        isinstance(values, list | tuple)
        and len(values) == len(columns)
        and all(v is not None for v in values)
    )
    rule = f"the cells of {', '.join(columns) or 'no column'}, as input_columns says"
    require(f"{where}inputs", fits, rule, inputs)
    return [(f"{where}inputs of {name}", each) for name, each in zip(columns, values, strict=True)]


def _tags(values: Any, words: Sequence[Any], name: str, step: str) -> tuple[list[Words], bool]:
    """Returns the tags of each sequence as texts, empty if unknown, and whether all were whole numbers."""
    if values is None:
        return [()] * len(words), False
    given = _checked(values, name)
    tags = _as_long(list(map(_texts, given)), words, name, step)
    return tags, all(type(tag) is int for each in given for tag in each)


def _parallel(values: Any, words: Sequence[Any], name: str) -> list[Words]:
    return _as_long(_lists(values, name), words, name, "word")


def _as_long(lists: list[Words], words: Sequence[Any], name: str, step: str) -> list[Words]:
    """Returns lists. Raises InputError unless each has an element for each step of its sequence."""
    require(name, len(lists) == len(words), f"{len(words)} lists, as X", len(lists))
    for k, (each, own) in enumerate(zip(lists, words, strict=True)):
        require(
            f"{name}[{k}]", len(each) == len(own), f"of {len(own)} elements, one for each {step}", len(each)
        )
    return lists


def _lists(values: Any, name: str) -> list[Words]:
    """Returns lists of texts as tuples; NumPy's and Python's numbers become texts."""
    return list(map(_texts, _checked(values, name)))


def _texts(values: Sequence[Any]) -> Words:
    return tuple(map(str, values))


def _checked(values: Any, name: str) -> list[list[Any]]:
    """Returns lists of texts or numbers, NumPy's as Python's."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InputError(f"{name}: must be a list of lists of texts. Got {shown(values)}.")
    lists = []
    for k, each in enumerate(values):
        is_list = isinstance(each, Iterable) and not isinstance(each, str | bytes | Mapping)
        require(f"{name}[{k}]", is_list, "a list of texts", each)
        texts = [text.item() if hasattr(text, "item") else text for text in each]
        require(f"{name}[{k}]", bool(texts), "a list that is not empty", each)
        for text in texts:
            fits = text.strip() if isinstance(text, str) else isinstance(text, int | float) and text == text
            require(f"{name}[{k}]", bool(fits), "of texts that are not empty", text)
        lists.append(texts)
    return lists

"""Recordings and clips as labelled examples: each is read, or left out with those that have a fault."""

from collections.abc import Callable, Sequence

import numpy as np

from elman.data.labelled.columns import Columns
from elman.data.labelled.examples import Labelled
from elman.data.labelled.left_out import left_out
from elman.data.read.recordings import Recording
from elman.errors import InputError
from elman.notice import told


def read_each(
    recordings: Sequence[Recording],
    read: Callable[[Recording], np.ndarray],
    columns: Columns,
    features: tuple[str, ...],
    noun: str,
    *,
    with_labels: bool,
) -> Labelled:
    """Returns recordings or clips as examples.

    Args:
        recordings: with their labels as texts.
        read: returns the steps of one; raises InputError if it cannot be used.
        columns: the largest share that may be left out because it cannot be read or has no label.
        features: names of a step's columns or planes.
        noun: what they are, in the singular.
        with_labels: whether labels are required; if not, every one must be readable.

    Raises:
        InputError: more cannot be used, or all.
    """
    items: list[np.ndarray] = []
    faults: list[str | None] = []
    for recording in told(recordings, noun):
        try:
            if with_labels and not recording.text:
                raise InputError(f"{recording.place}: the label must not be empty")
            items.append(read(recording))
            faults.append(None)
        except InputError as error:
            if not with_labels:
                raise
            faults.append(str(error))
    kept = [recordings[k] for k in left_out(faults, columns.most_empty)]
    labels: list[tuple[str, ...]] = [(recording.text,) if with_labels else () for recording in kept]
    names = () if with_labels else tuple(map(name_of, kept))
    return Labelled(items, labels, [recording.place for recording in kept], features, False, names)


def name_of(recording: Recording) -> str:
    """Returns what an answer calls a recording: its path, and the part of it."""
    if (recording.begin, recording.end) == (0.0, None):
        return str(recording.path)
    return f"{recording.path}@{recording.begin:g}"

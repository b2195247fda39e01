"""Recordings with their transcripts, in memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from elman.data.read.arrays import array
from elman.data.read.audio import Clipping, audio_of_array
from elman.data.read.frames_of_sound import checked_frames
from elman.data.read.text import list_of_texts
from elman.data.transcribed.files import Form, Utterance
from elman.errors import InputError


def utterances_in_memory(
    recordings: Sequence[Any], texts: Sequence[str] | None, sample_rate: int | None, form: Form
) -> list[Utterance]:
    """Returns recordings in memory.

    Args:
        recordings: N arrays: of samples with a rate, otherwise of features [T, I].
        texts: N transcripts; None: unknown.
        sample_rate: samples a second, Hz, or None.
        form: how they are read.

    Raises:
        InputError: recordings and texts differ in number, or there are none.
    """
    number = len(recordings)
    if texts is not None:
        texts = list_of_texts(texts, "texts")
        if len(texts) != number:
            raise InputError(
                f"recordings and texts must be equally many. Got {number} recordings and {len(texts)} texts."
            )
    if not number:
        raise InputError("there must be at least one recording. Got none.")

    def reader(values: Any, place: str, clipping: Clipping) -> Callable[[], Iterator[np.ndarray]]:
        def frames() -> Iterator[np.ndarray]:
            if sample_rate is None:
                yield checked_frames(array(values, place), place)
                return
            sound = audio_of_array(values, sample_rate, form.fbank.rate, place)
            clipping.add(sound)
            yield form.fbank.frames(sound.samples)

        return frames

    clippings = [Clipping() for _ in range(number)]
    return [
        Utterance(
            f"recording {k}",
            None if texts is None else form.text(texts[k]),
            "features" if sample_rate is None else "sound",
            reader(recordings[k], f"recording {k}", clipping),
            clipping=clipping,
        )
        for k, clipping in enumerate(clippings)
    ]

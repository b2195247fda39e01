"""Recordings with their transcripts, from files, folders and manifests."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from elman.data.features.fbank import Fbank
from elman.data.left import Left
from elman.data.read.audio import AUDIO, Clipping, audio_blocks, audio_facts
from elman.data.read.folders import files_below
from elman.data.read.frames_of_sound import FEATURES, checked_frames, read_frames, read_many_frames
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.recordings import Recording, read_manifest, tell_clipped
from elman.data.read.text import read_text
from elman.errors import InputError

Kind = Literal["sound", "features"]
_LOOKED_AT = 100  # recordings that show the usual rate


@dataclass(frozen=True)
class Form:
    """How recordings are read.

    Attributes:
        fbank: the features of sound.
        text_column: column of a manifest's transcripts; None: the first with a usual name.
        lowercase: whether transcripts are read in lower case.
        reading: how tables and texts are written.
    """

    fbank: Fbank
    text_column: str | None = None
    lowercase: bool = False
    reading: Reading = PLAIN

    def text(self, written: str) -> str:
        """Returns a transcript as it is learnt: one space between words, characters composed (NFC)."""
        text = unicodedata.normalize("NFC", " ".join(written.split()))
        return text.lower() if self.lowercase else text


@dataclass(frozen=True)
class Utterance:
    """A recording that can be read, and its transcript.

    Attributes:
        place: where it stands, for messages.
        text: the transcript; None: unknown.
        kind: what it is read from.
        pieces: reads its frames [T, I] float32 piece by piece; raises InputError if they cannot be had.
        path: its file; None: in memory.
        clipping: how much of it is cut off at full scale, once it has been read.
    """

    place: str
    text: str | None
    kind: Kind
    pieces: Callable[[], Iterator[np.ndarray]]
    path: Path | None = None
    clipping: Clipping = field(default_factory=Clipping)

    def frames(self) -> np.ndarray:
        """Returns all frames [T, I]; see ``pieces``."""
        return np.concatenate([*self.pieces()])


def utterances(paths: Iterable[Path], form: Form, *, with_text: bool) -> Iterator[Utterance]:
    """Yields the recordings of files, manifests and folders; what they hold is read when it is asked for.

    - sound (``AUDIO``) or features (``FEATURES``), with a transcript beside it: a.wav and a.txt;
    - a folder of these, at any depth;
    - ``.npz`` with the features of several recordings, see ``read_many_frames``;
    - a manifest: a table with a column of paths and one of transcripts, see ``read_manifest``.

    Args:
        paths: what the user named.
        form: how it is read.
        with_text: whether transcripts are needed; otherwise none is read.

    Raises:
        InputError: a path does not exist, or has no recordings.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        ending = path.suffix.lower()
        if path.is_dir():
            found = [file for file in files_below(path) if file.suffix.lower() in (*AUDIO, *FEATURES)]
            if not found:
                raise InputError(f"{path}: holds no recordings ({', '.join((*AUDIO, *FEATURES))})")
            for file in found:
                yield _of_file(file, form, with_text=with_text)
        elif ending in (*AUDIO, *FEATURES):
            yield _of_file(path, form, with_text=with_text)
        elif ending == ".npz":
            yield from _of_arrays(path, form)
        else:
            for recording in read_manifest(path, form.text_column, form.reading, endings=(*AUDIO, *FEATURES)):
                yield _of_recording(recording, form)


def _of_file(path: Path, form: Form, *, with_text: bool) -> Utterance:
    beside, text = path.with_suffix(".txt"), ""
    if with_text and not beside.is_file():

        def refuse() -> Iterator[np.ndarray]:
            raise InputError(
                f"{path}: must have its transcript beside it, in {beside.name}. Got no such file."
            )

        return Utterance(str(path), None, "sound", refuse, path)
    if with_text:
        text = form.text("".join(read_text(beside, reading=form.reading)))
    return _of_recording(Recording(path, text, place=str(path)), form, with_text=with_text)


def _of_recording(recording: Recording, form: Form, *, with_text: bool = True) -> Utterance:
    path = recording.path
    text = form.text(recording.text) if with_text else None
    place = recording.place or str(path)
    if path.suffix.lower() in FEATURES:
        return Utterance(place, text, "features", lambda: iter([read_frames(path)]), path)
    clipping = Clipping()
    return Utterance(
        place, text, "sound", lambda: _frames_of_sound(recording, form.fbank, clipping), path, clipping
    )


def _frames_of_sound(recording: Recording, fbank: Fbank, clipping: Clipping) -> Iterator[np.ndarray]:
    """Yields the frames of sound as it is read; refuses silence once it has been read."""
    stream, is_heard = fbank.stream(), False
    try:
        for block in audio_blocks(recording.path, fbank.rate, recording.begin, recording.end):
            is_heard = is_heard or bool(block.samples.any())
            clipping.add(block)
            yield stream.take(block.samples)
        yield stream.end()
        if not is_heard:
            raise InputError(f"{recording.path}: is silent: all of its samples are 0")
    except InputError as error:
        if recording.place in ("", str(recording.path)):
            raise
        raise InputError(f"{recording.place}: {error}") from None


def _of_arrays(path: Path, form: Form) -> Iterator[Utterance]:
    frames, texts = read_many_frames(path)
    for number, values in enumerate(frames):
        place = f"{path}: row {number}"
        text = None if texts is None else form.text(texts[number])
        yield Utterance(place, text, "features", _reader(values, place), path)


def _reader(values: np.ndarray, place: str) -> Callable[[], Iterator[np.ndarray]]:
    return lambda: iter([checked_frames(values, place)])


def usual_rate(items: Iterable[Utterance]) -> int | None:
    """Returns the rate, in Hz, that most sound files among the first recordings have; None: none is sound."""
    rates: Counter[int] = Counter()
    for item in islice(items, _LOOKED_AT):
        if item.kind == "sound" and item.path is not None:
            with suppress(InputError):  # which is told when the recording is read
                rates[audio_facts(item.path).rate] += 1
    return max(rates, key=lambda rate: rates[rate]) if rates else None


def read_all(items: Iterable[Utterance], left: Left) -> Iterator[tuple[Utterance, np.ndarray]]:
    """Yields recordings with their frames; those that cannot be read, or have an empty transcript, are left.

    Once all are read, one line tells how many are clipped.

    Raises:
        InputError: see ``Left``; or kinds or numbers of features are mixed.
    """
    first: tuple[Utterance, int] | None = None
    clipped: list[str] = []
    for item in items:
        if item.text == "":
            left.out(f"{item.place}: its transcript is empty")
            continue
        try:
            frames = item.frames()
        except InputError as error:
            left.out(str(error))
            continue
        if first is None:
            first = item, frames.shape[1]
        if (item.kind, frames.shape[1]) != (first[0].kind, first[1]):
            raise InputError(
                f"{item.place}: must be {first[0].kind} of {first[1]} features, like {first[0].place}. "
                f"Got {item.kind} of {frames.shape[1]}."
            )
        if item.clipping.is_told:
            clipped.append(item.place)
        yield item, frames
    tell_clipped(clipped)

"""Recordings of each part with their transcripts, stored as frames and batched by duration."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np

from elman.config import read_json, shown
from elman.data.features import Features, write_features
from elman.data.features.fbank import Fbank
from elman.data.features.variations import Variations
from elman.data.labelled.columns import Columns
from elman.data.labelled.sounds import noise_below
from elman.data.left import Left
from elman.data.read.text import find_text_files, read_lines
from elman.data.scale import standard
from elman.data.split import PARTS, split_points, trained_on, warn_of_repeats
from elman.data.transcribed.batches import Spoken
from elman.data.transcribed.files import Form, Utterance, read_all, usual_rate, utterances
from elman.data.transcribed.steps import Windows, varied_features
from elman.errors import InputError
from elman.heads.ctc import steps_needed
from elman.notice import notice
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.sizing import spoken as sizes_of_speech
from elman.tasks.speech_recognition.facts import SpeechFacts, centre, named
from elman.tasks.speech_recognition.options import SpeechConfig
from elman.train import files

_FRAMES, _TRANSCRIPTS, _NOISE = "frames.safetensors", "transcripts.json", "noise.safetensors"
_LARGEST_JSON = 1 << 30  # bytes
_STRIDES = (3, 2, 1)
HIGHEST_RATE = 16_000
"""Highest rate that is chosen for sound, Hz: speech has little above half of it."""
_SCALED_ON = 2_000_000  # frames that mean and deviation are measured on


@dataclass(frozen=True)
class Transcribed:
    """Recordings and their transcripts.

    Attributes:
        frames: N arrays [T, I] float32.
        texts: N transcripts.
        places: N places where they were read, for messages.
        kind: what they were read from.
    """

    frames: Sequence[np.ndarray]
    texts: list[str]
    places: list[str]
    kind: Any = "features"

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def lengths(self) -> np.ndarray:
        """[N] frames of each."""
        if isinstance(self.frames, Features | _Rows):
            return self.frames.lengths
        return np.array([len(x) for x in self.frames], np.int64)

    def rows(self, index: Iterable[int]) -> "Transcribed":
        """Returns the recordings at these positions; their frames are read when they are asked for."""
        kept = [int(k) for k in index]
        frames = _Rows(self.frames, kept, self.lengths[kept])
        return Transcribed(frames, [self.texts[k] for k in kept], [self.places[k] for k in kept], self.kind)


class _Rows(Sequence[np.ndarray]):
    """Some items of a sequence, in an order of their own."""

    def __init__(self, items: Sequence[np.ndarray], index: list[int], lengths: np.ndarray) -> None:
        self._items, self.kept, self.lengths = items, index, lengths

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        return self._items[self.kept[index]]


class SpeechData(TaskData):
    """The recordings of each part.

    Attributes:
        every: all recordings.
        index: the positions of each part's.
        rate: samples a second of the sound that was read, Hz; None: there is none.
        further: texts that the language model learns beside the transcripts.
        noise: frames of recordings that are mixed into others in training.
    """

    config: SpeechConfig
    facts: SpeechFacts

    def __init__(
        self, config: SpeechConfig, facts: SpeechFacts, every: Transcribed, index: dict[str, list[int]]
    ) -> None:
        super().__init__(config, facts)
        self.every, self.index = every, index
        self.rate: int | None = config.sample_rate
        self.further: list[str] = []
        self.noise: list[np.ndarray] = []

    @classmethod
    def read(cls, config: SpeechConfig, paths: list[Path], folder: Path | None) -> Self:
        """Reads recordings, including those of parts with files of their own."""
        rate = config.sample_rate or usual_rate(utterances(paths, form_of(config), with_text=False))
        form, left = form_of(config, rate), Left(config.on_bad, "recording")
        given = {"training": paths, "validation": list(config.validation), "test": list(config.test)}
        items = [
            (part, item)
            for part, of_part in given.items()
            for item in utterances(of_part, form, with_text=True)
        ]
        return cls.of(config, items, left, folder, rate, further_texts(config.language_texts, form))

    @classmethod
    def of(
        cls,
        config: SpeechConfig,
        items: list[tuple[str, Utterance]],
        left: Left,
        folder: Path | None,
        rate: int | None = None,
        further: Sequence[str] = (),
    ) -> Self:
        """Reads the frames, divides the recordings into parts, and learns the facts of the training part.

        Args:
            config: the options.
            items: recordings, each with the part that its file is for.
            left: refuses or counts the bad ones.
            folder: the run folder, in which the frames are stored; None keeps them in memory.
            rate: that sound is read at, Hz; of ready-made features, None.
            further: texts that the language model learns beside the transcripts.
        """
        part_of = {id(item): part for part, item in items}
        kept: list[Utterance] = []
        frames = _stored(read_all((item for _, item in items), left), kept, folder)
        texts, places = [item.text or "" for item in kept], [item.place for item in kept]
        every = Transcribed(frames, texts, places, kept[0].kind if kept else "features")
        every, kept = _long_enough(every, kept, config.stride, left)
        left.tell(len(every))
        if not len(every):
            raise InputError("no recording to train on")
        index = _divided(config, [part_of[id(item)] for item in kept])
        training = every.rows(index["training"])
        _warn_of_repeats(every, index)
        facts = _learn(config, training)
        _tell_unknown(facts, {part: every.rows(rows) for part, rows in index.items()})
        data = cls(config, facts, every, index)
        data.rate, data.further = rate if every.kind == "sound" else None, list(further)
        data.noise = _noise(config, every.kind, rate)
        if folder is not None:
            rows = every.frames.kept if isinstance(every.frames, _Rows) else None
            content = {"texts": every.texts, "places": every.places, "index": index, "kind": every.kind}
            content |= {"rows": rows, "further": data.further}
            if data.noise:
                write_features(folder / _NOISE, data.noise)
            files.write_json(folder / _TRANSCRIPTS, content)
        return data

    @classmethod
    def reopen(cls, config: SpeechConfig, facts: SpeechFacts, folder: Path) -> Self:
        """Opens the frames and transcripts in the run folder."""
        path = folder / _TRANSCRIPTS
        content = read_json(path, _LARGEST_JSON)
        frames: Sequence[np.ndarray] = Features(folder / _FRAMES)
        try:
            texts, places, rows = content["texts"], content["places"], content["rows"]
            index = {part: [int(k) for k in content["index"][part]] for part in PARTS}
            if rows is not None:
                kept = [range(len(frames))[int(k)] for k in rows]
                frames = _Rows(frames, kept, Features(folder / _FRAMES).lengths[kept])
            further = content.get("further", [])
            fits = len(texts) == len(places) == len(frames)
            fits = fits and all(isinstance(text, str) for text in [*texts, *places, *further])
            fits = fits and all(0 <= k < len(texts) for part in index.values() for k in part)
        except (KeyError, TypeError, ValueError, IndexError):
            fits = False
        if not fits or not index["training"]:
            raise InputError(f"{path}: must hold the transcripts of the recordings in {_FRAMES}")
        data = cls(config, facts, Transcribed(frames, texts, places, facts.kind), index)
        data.further = further
        data.noise = [*Features(folder / _NOISE)] if config.noise else []
        return data

    @property
    def amounts(self) -> dict[str, int]:
        """Recordings of all parts."""
        return {"recording": len(self.every)}

    def part(self, name: str) -> Transcribed:
        """Returns the recordings of a part."""
        return self.every.rows(self.index[name])

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the recordings of the training part."""
        training = self.part("training")
        sizes = sizes_of_speech(len(training), int(training.lengths.sum()), streaming=self.config.streaming)
        of_sound = {} if self.rate is None else {"sample_rate": min(self.rate, HIGHEST_RATE)}
        return sizes | of_sound | {"stride": fitting_stride(self.every)}

    def parts(self) -> Parts:
        """Returns batches of every part."""
        validation, test = self.part("validation"), self.part("test")
        return Parts(
            spoken(self.config, self.facts, self.part("training"), self.config.seed, self.noise),
            spoken(self.config, self.facts, validation) if len(validation) else None,
            spoken(self.config, self.facts, test) if len(test) else None,
        )


def form_of(config: SpeechConfig, rate: int | None = None) -> Form:
    """Returns how recordings are read; the rate of sound in Hz, if the options leave it open."""
    rate = config.sample_rate or min(rate or HIGHEST_RATE, HIGHEST_RATE)
    return Form(Fbank(rate, config.mels), config.text_column, config.lowercase, config.reading)


def further_texts(paths: Sequence[Path], form: Form) -> list[str]:
    """Returns the lines of text files, as transcripts are read; empty ones are left out."""
    if not paths:
        return []
    lines = (line for file in find_text_files(paths) for line in read_lines(file, form.reading))
    return [text for text in map(form.text, lines) if text]


def _noise(config: SpeechConfig, kind: str, rate: int | None) -> list[np.ndarray]:
    """Returns the frames of recordings of noise."""
    if not config.noise:
        return []
    fbank = form_of(config, rate).fbank
    return noise_below(config.noise, Columns(rate=fbank.rate if kind == "sound" else None, mels=fbank.bins))


def windows_of(config: SpeechConfig) -> Windows:
    """Returns how frames become steps of the network."""
    return Windows(config.stride, config.behind, config.ahead)


def spoken(
    config: SpeechConfig,
    facts: SpeechFacts,
    part: Transcribed,
    seed: int | None = None,
    noise: Sequence[np.ndarray] = (),
) -> Spoken:
    """Returns batches of a part; with a seed they are shuffled and varied, and noise is mixed in."""
    windows, symbols = windows_of(config), [facts.encode(text) for text in part.texts]
    varied = Variations(form_of(config).fbank, config.augment, noise, config.snr)

    def prepare(frames: np.ndarray, number: int, random: np.random.Generator | None) -> np.ndarray:
        least, is_sound = steps_needed(symbols[number]) * windows.stride, facts.kind == "sound"
        if random is not None and is_sound:
            other = varied(frames, random)
            frames = other if len(other) >= least else frames  # a fast one may be too short for its text
        x = facts.standardised(frames, centred=config.is_centred)
        if random is not None and not is_sound and config.augment:
            x = varied_features(x, config.augment, random, least=least)
        return windows.inputs(x)

    lengths = part.lengths
    most = round(config.batch_size * float(lengths.mean()))
    return Spoken(part.frames, lengths, symbols, frames_per_batch=most, prepare=prepare, seed=seed)


def fitting_stride(part: Transcribed) -> int:
    """Returns the largest stride with enough steps for every transcript."""
    needed = np.array([steps_needed([*text]) for text in part.texts])
    lengths = part.lengths
    return next((k for k in _STRIDES if (-(-lengths // k) >= needed).all()), 1)


def _stored(
    read: Iterator[tuple[Utterance, np.ndarray]], kept: list[Utterance], folder: Path | None
) -> Sequence[np.ndarray]:
    """Reads all frames into the run folder, or into memory; adds what was read to a list."""

    def noted() -> Iterator[np.ndarray]:
        for item, frames in read:
            if item.text is None:
                raise InputError(f"{item.place}: must have a transcript (y in an .npz file). Got none.")
            kept.append(item)
            yield frames

    frames = noted()
    if folder is None:
        return list(frames)
    first = next(frames, None)
    if first is None:
        return []
    return write_features(folder / _FRAMES, chain([first], frames))


def _long_enough(
    every: Transcribed, kept: list[Utterance], stride: int | None, left: Left
) -> tuple[Transcribed, list[Utterance]]:
    """Leaves out recordings with too few steps for their transcripts."""
    long: list[int] = []
    for number, (text, frames) in enumerate(zip(every.texts, every.lengths.tolist(), strict=True)):
        needed = steps_needed(text)
        steps = -(-frames // (stride or 1))
        if steps < needed:
            reason = f"its {frames} frames give {steps} steps, too few for the {needed} of its transcript"
            left.out(f"{every.places[number]}: is too short: {reason} {shown(text)}")
        else:
            long.append(number)
    if len(long) == len(every):
        return every, kept
    return every.rows(long), [kept[k] for k in long]


def _divided(config: SpeechConfig, parts: list[str]) -> dict[str, list[int]]:
    """Returns the positions of each part: those of its own files, and its share of the others."""
    index = {part: [k for k, name in enumerate(parts) if name == part] for part in PARTS}
    own = {"validation": config.validation, "test": config.test}
    shares = trained_on(config.split, [part for part, paths in own.items() if paths])
    free = np.array(index["training"], np.int64)
    order = free[np.random.default_rng(config.seed).permutation(len(free))]
    drawn = np.split(order, split_points(len(free), shares, "recordings"))
    for part, rows in zip(PARTS, drawn, strict=True):
        if part == "training" or not own[part]:
            index[part] = sorted(rows.tolist())
    return index


def _warn_of_repeats(every: Transcribed, index: dict[str, list[int]]) -> None:
    keys = {part: [sha256(every.frames[k].tobytes()).digest() for k in rows] for part, rows in index.items()}
    warn_of_repeats(keys, lambda part, row: every.places[index[part][row]], "recordings")


def _learn(config: SpeechConfig, training: Transcribed) -> SpeechFacts:
    """Learns scale and alphabet of the training part."""
    if not training.texts:
        raise InputError("no recording to train on")
    pieces, total = [], 0
    for k in np.random.default_rng(0).permutation(len(training)):
        frames = training.frames[int(k)]
        pieces.append(centre(frames) if config.is_centred else frames)
        total += len(frames)
        if total > _SCALED_ON:
            break
    mean, scale = standard(np.concatenate(pieces))
    symbols = "".join(sorted({*"".join(training.texts)}))
    return SpeechFacts(training.kind, tuple(mean), tuple(scale), symbols)


def _tell_unknown(facts: SpeechFacts, parts: dict[str, Transcribed]) -> None:
    """Tells which characters of other parts the training part lacks, and so are never written."""
    for part, recordings in parts.items():
        strange = [(k, facts.unknown(text)) for k, text in enumerate(recordings.texts)]
        strange = [(k, symbols) for k, symbols in strange if symbols]
        if strange:
            k, symbols = strange[0]
            notice(
                f"{len(strange)} transcripts of the {part} part have characters that the training part "
                f"lacks, such as {named(min(symbols))} in {recordings.places[k]}; they count as errors"
            )

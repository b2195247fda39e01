"""A recogniser of one direction that listens as sound arrives."""

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from elman.data.read.audio import Resampler
from elman.decode.ctc import Scorer
from elman.errors import InputError
from elman.models.framewise import Framewise
from elman.models.predict import device_of
from elman.notice import notice
from elman.tasks.speech_recognition.data import form_of, windows_of
from elman.tasks.speech_recognition.decoding import Decoding
from elman.tasks.speech_recognition.facts import SpeechFacts
from elman.tasks.speech_recognition.listening import seconds_of_step
from elman.tasks.speech_recognition.options import SpeechConfig


class Listener:
    """Reads frames, or sound, as they arrive, and writes down what they say.

    The text does not depend on how what arrives is cut. A word is heard ``look_ahead`` seconds after it ends,
    at the earliest.

    Args:
        config: the options; they must be those of a streaming run.
        facts: the facts of the training data.
        model: in evaluation mode.
        scorer: a language model; None: the sound alone.

    Attributes:
        decoding: the words so far.

    Raises:
        InputError: the run reads both directions.
    """

    def __init__(
        self, config: SpeechConfig, facts: SpeechFacts, model: Framewise, scorer: Scorer | None
    ) -> None:
        if not config.streaming or config.is_centred:
            raise InputError(
                "--stream needs a run that reads in one direction: train with --streaming. "
                "This one reads each recording in both directions, so from its end as well."
            )
        self._facts, self._model = facts, model
        self._steps, self._layer = windows_of(config).stream(), model.layer.stream()
        self._device = device_of(model)
        self.decoding = Decoding(facts, scorer, config.beam, seconds_of_step(config, facts))

    @torch.inference_mode()
    def take(self, frames: np.ndarray) -> None:
        """Reads the next frames [T, I]; T may be 0."""
        self._read(self._steps.take(self._facts.standardised(frames, centred=False)))

    def end(self) -> None:
        """Reads the last steps and settles all words."""
        self._read(self._steps.end())
        self.decoding.settle()

    @torch.inference_mode()
    def _read(self, steps: np.ndarray) -> None:
        if not len(steps):
            return
        outputs = [self._layer.step(x, copy=True) for x in torch.from_numpy(steps).to(self._device)]
        head: Any = self._model.head
        self.decoding.push(head.log_probabilities(torch.stack(outputs)).float().numpy(force=True))


def look_ahead(config: SpeechConfig, facts: SpeechFacts) -> float:
    """Returns the seconds of sound after the beginning of a step that must be known to read it."""
    windows = windows_of(config)
    frames = windows.stride + windows.ahead
    return frames * seconds_of_step(config, facts) / windows.stride


class Heard(NamedTuple):
    """What has been understood so far.

    Attributes:
        text: all of it; its last words may still change.
        settled: the words that do not change any more.
        is_final: whether the sound has ended.
    """

    text: str
    settled: list[str]
    is_final: bool


def heard_in_sound(
    config: SpeechConfig, facts: SpeechFacts, listener: Listener, rate: int, pieces: Iterable[np.ndarray]
) -> Iterator[Heard]:
    """Yields the text after each piece of sound that changes it, and the whole at the end.

    At the end a notice tells the real-time factor (time spent over length of the sound) and the look-ahead.

    Args:
        config: the options.
        facts: the facts of the training data.
        listener: reads the sound.
        rate: its samples a second, Hz.
        pieces: samples [N] from −1 to 1, one channel.

    Raises:
        InputError: the run was trained on ready-made features.
    """
    if facts.kind != "sound":
        raise InputError("--stream needs a run that was trained on sound; this one reads ready-made features")
    fbank = form_of(config).fbank
    resample, stream = Resampler(rate, fbank.rate), fbank.stream()
    heard, spent, samples = Heard("", [], False), 0.0, 0

    def so_far(*, is_final: bool) -> Heard:
        decoding = listener.decoding
        settled = [word.word for word in decoding.words]
        return Heard(decoding.text() if is_final else decoding.partial(), settled, is_final)

    for piece in pieces:
        began = time.perf_counter()
        listener.take(stream.take(resample(piece, last=False)))
        before, heard = heard, so_far(is_final=False)
        spent += time.perf_counter() - began
        samples += len(piece)
        if heard != before:
            yield heard
    began = time.perf_counter()
    listener.take(stream.take(resample(np.zeros(0, np.float32), last=True)))
    listener.take(stream.end())
    listener.end()
    heard = so_far(is_final=True)
    spent += time.perf_counter() - began
    seconds = samples / rate
    notice(
        f"{seconds:.1f} s of sound, real-time factor {spent / max(seconds, 1e-9):.4f}; "
        f"each step is read {look_ahead(config, facts):.2f} s after it begins"
    )
    yield heard

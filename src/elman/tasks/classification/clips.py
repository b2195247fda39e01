"""What a classifier of clips reads, learns and says while a clip plays."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from elman.data.batches.ragged import Prepare
from elman.data.features.motion import Motion, MotionStream, drawn_follower, filmed_otherwise
from elman.data.labelled.clips import playing
from elman.data.labelled.columns import Columns
from elman.data.labelled.examples import Labelled
from elman.data.labelled.scheme import Scheme
from elman.errors import InputError
from elman.models.inputs import PictureEncoder
from elman.notice import notice
from elman.pictures.clips import draw_watched
from elman.tasks.classification.options import ClassificationConfig

if TYPE_CHECKING:
    from elman.tasks.classification.answers import LabelAnswers

_SIDED = re.compile(r"left|right|clockwise", re.IGNORECASE)
_FEATURES = 64  # of a frame, that the recurrent layer reads


def as_clips(
    config: ClassificationConfig, training: Labelled, named: Collection[str]
) -> ClassificationConfig:
    """Returns the options of a classifier of clips: with their size, and in one direction unless named."""
    both = config.bidirectional and "bidirectional" in named
    colour = len(training.features) > 1
    height, width = training.planes
    return replace(config, frame_size=(height, width), colour=colour, bidirectional=both)


def check_clips(config: ClassificationConfig, named: Collection[str]) -> None:
    """Raises InputError for options that clips have not."""
    for name, rule in (("frame", "frames are read one by one"), ("pretrained", "a run of clips starts anew")):
        if name in named and getattr(config, name) not in (None, 1):
            raise InputError(f"--{name} is not for clips: {rule}")


def motion_of(config: ClassificationConfig) -> Motion:
    """Returns what a network reads of frames."""
    return Motion(config.centre != "own", config.centre != "none", config.differences, config.follow)


def encoder_of(config: ClassificationConfig, scheme: Scheme) -> PictureEncoder:
    """Returns the part of the network that reads single frames."""
    motion = motion_of(config)
    return PictureEncoder(motion.width(len(scheme.features)), *motion.size(scheme.planes), _FEATURES)


def learns_every_step(config: ClassificationConfig, scheme: Scheme) -> bool:
    """Whether the answers after all frames are learnt, where they can be."""
    reads_states = config.layers == 1 or not config.residual
    return bool(scheme.planes) and not config.bidirectional and reads_states


def inputs_of_clips(config: ClassificationConfig, items: Sequence[np.ndarray]) -> list[tuple[np.ndarray]]:
    """Returns each clip [T, C, H, W] as it is batched: with the background of each frame, if it is read."""
    motion = motion_of(config)
    return [(motion.with_background(item),) for item in items]


def prepare_clips(config: ClassificationConfig, scheme: Scheme) -> Prepare:
    """Returns what turns such a clip into a network's inputs; in training it varies it."""
    motion, mirror = motion_of(config), may_mirror(config, scheme)

    def prepare(planes: np.ndarray, random: np.random.Generator | None) -> np.ndarray:
        follower = None
        if random is not None and config.augment:
            planes = filmed_otherwise(planes, config.augment, random, mirror=mirror)
            follower = drawn_follower(motion.window, config.augment, random)
        return motion.inputs(planes, scheme.input_mean, scheme.input_scale, None, follower)

    return prepare


def may_mirror(config: ClassificationConfig, scheme: Scheme) -> bool:
    """Whether left and right may be exchanged: as the options say, or if no label depends on it."""
    if config.mirror != "auto":
        return config.mirror == "yes"
    return not any(_SIDED.search(name) or (len(name) == 1 and name.isalpha()) for name in scheme.names)


def tell_mirrored(config: ClassificationConfig, scheme: Scheme) -> None:
    """Tells if labels keep clips from being mirrored."""
    if config.augment and config.mirror == "auto" and not may_mirror(config, scheme):
        notice("clips are not mirrored in training, as their labels may depend on it (--mirror yes does it)")


class Watcher:
    """Classifies a clip while it plays: after each frame, from the frames up to it.

    Args:
        answers: of a run on clips that reads in one direction.

    Raises:
        InputError: the run is of something else, or reads in both directions.
    """

    def __init__(self, answers: "LabelAnswers") -> None:
        config, scheme = answers.config, answers.facts.scheme
        if not scheme.planes:
            raise InputError("--every-step is for clips. This run was trained on something else.")
        if config.bidirectional:
            raise InputError("--every-step needs a run that reads in one direction (--no-bidirectional)")
        self._answers, self._stream = answers, answers.model.label_stream()
        self._motion = MotionStream(motion_of(config), scheme.input_mean, scheme.input_scale)

    def take(self, frame: np.ndarray) -> np.ndarray:
        """Returns the calibrated probabilities [V] after the next frame [C, H, W]."""
        values = torch.from_numpy(self._motion.take(frame))[None]
        return self._answers.calibrated(self._stream.step(values).float().numpy())[0]


def draw_clip(answers: "LabelAnswers", part: Labelled, path: Path) -> None:
    """Draws the first clip of a part, and what its labels seem to be as it plays; only in one direction."""
    if answers.config.bidirectional:
        return
    watcher = Watcher(answers)
    p = np.stack([watcher.take(frame) for frame in part.items[0]])
    title = f"{part.places[0]}: {', '.join(part.labels[0])}"
    draw_watched(part.items[0], p, answers.facts.scheme.names, path, title)


def watched(
    answers: "LabelAnswers", paths: Sequence[Path], columns: Columns, reject: float
) -> Iterator[dict[str, Any]]:
    """Yields an answer after each frame of each clip; see ``SequenceClassifier.watch``."""
    Watcher(answers)  # its own checks, before anything is read
    for path in paths:
        for name, frames, rate in playing(path, columns):
            watcher = Watcher(answers)
            for number, frame in enumerate(frames):
                time = number if rate is None else round(number / rate, 3)
                yield {"name": name, "time": time, **answers.answer(watcher.take(frame), reject)}

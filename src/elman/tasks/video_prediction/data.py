"""Scenes of each part, or digits that move."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from elman.baselines.frames import SimpleFrames
from elman.config import counted
from elman.data.left import Left
from elman.data.problems.moving_digits import MovingDigits
from elman.data.read.idx import TEST, TRAINING, find_images, read_idx
from elman.data.read.npz import read_arrays
from elman.data.read.video import View
from elman.data.split import PARTS, split_points, trained_on
from elman.data.video.scenes import Scene, read_clips, scenes_of
from elman.data.video.windows import SceneWindows, Source, Windows, stacked
from elman.errors import InputError
from elman.models.next_frames import pixels
from elman.notice import notice
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.sizing import frames as sizes_of_frames
from elman.tasks.shared.start import begun
from elman.tasks.video_prediction.facts import VideoFacts
from elman.tasks.video_prediction.options import VideoConfig

_DATA = "scenes.npz"
_FEW = 10  # clips, of which each has all parts
_OF_DIGITS = 0.1  # of the training images, for validation
_MEASURED = 500  # windows of validation and test at most, and of the simple methods' training
_AT_ONCE = 16  # windows, without gradients
_VALIDATION, _TEST = 1, 2  # seeds of the digits that are drawn for them


class VideoData(TaskData):
    """Scenes of each part; of moving digits, each image is a scene of one frame.

    Attributes:
        scenes: of each part, by its name.
    """

    config: VideoConfig
    facts: VideoFacts

    def __init__(self, config: VideoConfig, facts: VideoFacts, scenes: Mapping[str, Sequence[Scene]]) -> None:
        super().__init__(config, facts)
        self.scenes = scenes

    @classmethod
    def read(
        cls, config: VideoConfig, paths: list[Path], folder: Path | None, *, named: Collection[str] = ()
    ) -> Self:
        """Reads clips, or the images of digits."""
        if len(paths) == 1 and has_digits(paths[0]):
            return cls._of_scenes(config, _digits(config, paths[0]), folder, named, digits=True)
        return cls._of_scenes(config, _read(config, paths), folder, named)

    @classmethod
    def of(
        cls, config: VideoConfig, clips: Sequence[Scene], folder: Path | None, named: Collection[str] = ()
    ) -> Self:
        """Divides clips in memory, all of the size of the run."""
        return cls._of_scenes(config, _divided(config, {"training": clips}), folder, named)

    @classmethod
    def _of_scenes(
        cls,
        config: VideoConfig,
        scenes: Mapping[str, Sequence[Scene]],
        folder: Path | None,
        named: Collection[str],
        digits: bool = False,
    ) -> Self:
        """Checks that each part has a window, and stores the scenes for a resumed run."""
        config, source = begun(config, named)
        data = cls(config, VideoFacts(3 if config.colour else 1, *config.frame_size, digits), scenes)
        for part in PARTS:
            if (scenes[part] or part == "training") and not len(data.source(part)):
                longest = max(map(len, scenes[part]), default=0)
                raise InputError(
                    f"the {part} part needs a scene of {config.length} frames, --context and --horizon "
                    f"together. The longest has {longest}."
                )
        if source is not None:
            source.check("frames", data.facts.shape, source.task.facts.shape)
            data.start = source.weights()
        if folder is not None:
            data._store(folder / _DATA)
        return data

    def _store(self, path: Path) -> None:
        every = [(part, scene) for part, name in enumerate(PARTS) for scene in self.scenes[name]]
        np.savez_compressed(
            path,
            frames=np.concatenate([scene.frames for _, scene in every]),
            lengths=np.array([len(scene) for _, scene in every], np.int64),
            parts=np.array([part for part, _ in every], np.int64),
        )

    @classmethod
    def reopen(cls, config: VideoConfig, facts: VideoFacts, folder: Path) -> Self:
        """Reads the scenes from the run folder."""
        path = folder / _DATA
        arrays = read_arrays(path)
        try:
            frames, lengths, parts = (arrays[name] for name in ("frames", "lengths", "parts"))
            fits = frames.dtype == np.uint8 and len(frames) == lengths.sum() and lengths.min() > 0
            fits = fits and len(lengths) == len(parts) and {*parts.tolist()} <= {0, 1, 2} and 0 in parts
            fits = fits and (facts.digits or frames.shape[1:3] == facts.shape[1:])
        except (KeyError, ValueError, TypeError, IndexError):
            fits = False
        if not fits:
            raise InputError(f"{path}: must hold the scenes of a run's clips")
        scenes: dict[str, list[Scene]] = {name: [] for name in PARTS}
        for part, own in zip(parts.tolist(), np.split(frames, lengths.cumsum()[:-1]), strict=True):
            scenes[PARTS[part]].append(Scene(own, str(path)))
        return cls(config, facts, scenes)

    def source(self, part: str) -> Source:
        """Returns the windows of a part."""
        config, is_training = self.config, part == "training"
        if self.facts.digits:
            images = np.concatenate([scene.frames for scene in self.scenes[part]])
            seed = config.seed if is_training else _seed(part)
            return MovingDigits(
                images,
                config.windows if is_training else min(_MEASURED, len(images)),
                config.length,
                seed,
                fresh=is_training,
                size=min(config.frame_size),
            )
        return SceneWindows(self.scenes[part], config.length, None if is_training else _MEASURED)

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the number of windows."""
        return sizes_of_frames(len(self.source("training")))

    @property
    def amounts(self) -> dict[str, int]:
        """Scenes and frames of all parts."""
        every = [scene for part in self.scenes.values() for scene in part]
        noun = "image" if self.facts.digits else "frame"
        return {noun: sum(map(len, every))}

    def initial(self) -> dict[str, Tensor]:
        """Returns the weights of the least-squares predictions of the next frames, and those of a run.

        Without these predictions, the mean grey level is what a model begins with.
        """
        is_linear = self.config.loss == "squared-error"
        if self.start and not is_linear:
            return self.start
        simple = self.simple(self.config.context, self.config.horizon)
        if is_linear:
            return {"anchor": simple.weights[0], "linear": simple.weights, **self.start}
        outputs = self.facts.channels * self.config.patch**2
        return {"readout.bias": simple.mean.mean().clamp(0.01, 0.99).logit().expand(outputs).clone()}

    def simple(self, context: int, horizon: int) -> SimpleFrames:
        """Returns the simple methods, fitted on windows of the training part."""
        source = self.source("training")
        rows = np.linspace(0, len(source) - 1, min(_MEASURED, len(source))).round().astype(int)
        windows = (pixels(stacked([source.window(int(row), 0)])) for row in rows)
        return SimpleFrames(windows, context, horizon)

    def parts(self) -> Parts:
        """Returns batches of all windows."""
        config = self.config
        training = Windows(
            self.source("training"),
            config.context,
            batch_size=config.batch_size,
            seed=config.seed,
            taught=config.taught * config.epochs,
        )
        return Parts(training, *(self.measured(part) for part in PARTS[1:]))

    def measured(self, part: str) -> Windows | None:
        """Returns batches of a part's windows in their order; None if it is empty."""
        if not self.scenes[part]:
            return None
        return measured(self.source(part), self.config)


def measured(source: Source, config: VideoConfig) -> Windows:
    """Returns batches of windows in their order."""
    return Windows(source, config.context, batch_size=_AT_ONCE)


def has_digits(path: Path) -> bool:
    """Whether a path is a folder with the training images of MNIST."""
    return path.is_dir() and any((path / f"{TRAINING}{ending}").is_file() for ending in ("", ".gz"))


def view_of(config: VideoConfig) -> View:
    """Returns how frames are read."""
    return View(config.frame_rate, config.frame_size, config.colour)


def scenes_to_measure(config: VideoConfig, facts: VideoFacts, paths: Sequence[Path]) -> Source:
    """Returns the windows of other files. Raises InputError if there is none."""
    if facts.digits and len(paths) == 1 and has_digits(paths[0]):
        images = read_idx(find_images(paths[0], TEST), 3)
        number = min(_MEASURED, len(images))
        return MovingDigits(images, number, config.length, _TEST, fresh=False, size=min(config.frame_size))
    left = Left(config.on_bad, "clip")
    clips = [*read_clips(paths, view_of(config), left)]
    left.tell(len(clips))
    scenes = [scene for clip in clips for scene in scenes_of(clip)]
    source = SceneWindows(scenes, config.length, _MEASURED)
    if not len(source):
        longest = max(map(len, scenes), default=0)
        raise InputError(f"a scene of {config.length} frames is needed. The longest has {longest}.")
    return source


def _seed(part: str) -> int:
    return _VALIDATION if part == "validation" else _TEST


def _digits(config: VideoConfig, path: Path) -> dict[str, list[Scene]]:
    """Returns the images of each part, each part's as one scene."""
    if config.validation or config.test:
        raise InputError("--validation and --test are not for moving digits, whose folder has both")
    if config.colour or config.frame_size[0] != config.frame_size[1]:
        raise InputError("moving digits are grey, and --frame-size must be square")
    images = read_idx(find_images(path, TRAINING), 3)
    order = np.random.default_rng(config.seed).permutation(len(images))
    validation, training = np.split(order, [max(1, round(_OF_DIGITS * len(images)))])
    parts = (images[training], images[validation], read_idx(find_images(path, TEST), 3))
    if not len(parts[0]):
        raise InputError(f"{path}: must hold at least two training images")
    return {name: [Scene(own, str(path))] for name, own in zip(PARTS, parts, strict=True)}


def _read(config: VideoConfig, paths: list[Path]) -> dict[str, list[Scene]]:
    """Reads clips, including those of parts with files of their own, and divides them."""
    left, view = Left(config.on_bad, "clip"), view_of(config)
    clips = {"training": [*read_clips(paths, view, left)]}
    for part, files in (("validation", config.validation), ("test", config.test)):
        if files:
            clips[part] = [*read_clips(files, view, left)]
    left.tell(sum(map(len, clips.values())))
    return _divided(config, clips)


def _divided(config: VideoConfig, clips: Mapping[str, Sequence[Scene]]) -> dict[str, list[Scene]]:
    """Returns the scenes of each part: of its own files, and of the others' clips or their pieces."""
    shares = trained_on(config.split, [part for part in PARTS[1:] if part in clips])
    pieces: dict[str, list[Scene]] = {part: [*clips.get(part, ())] for part in PARTS[1:]}
    free = clips["training"]
    if not free:
        raise InputError("no clip to train on")
    if len(free) >= _FEW:
        order = np.random.default_rng(config.seed).permutation(len(free))
        cut = split_points(len(free), shares, "clips")
        rows = [sorted(own.tolist()) for own in np.split(order, cut)]
        divided = [[free[k] for k in own] for own in rows]
    else:
        edges = [(0, *split_points(len(clip), shares, "frames", clip.place), len(clip)) for clip in free]
        divided = [
            [
                clip.part(own[k], own[k + 1])
                for clip, own in zip(free, edges, strict=True)
                if own[k + 1] > own[k]
            ]
            for k in range(3)
        ]
    pieces["training"] = divided[0]
    for part, own in zip(PARTS[1:], divided[1:], strict=True):
        pieces[part] += own
    scenes = {part: [scene for piece in pieces[part] for scene in scenes_of(piece)] for part in PARTS}
    number = sum(len(scenes[part]) - len(pieces[part]) for part in PARTS)
    if number:
        notice(f"{counted(number, 'cut')} between scenes found; no frame is predicted across one")
    return scenes


def windows_of(frames: np.ndarray) -> Tensor:
    """Returns the frames of one clip as a batch of one row: [T, 1, C, H, W] in [0, 1]."""
    return pixels(stacked([frames])).to(torch.float32)

"""Batches of frames: some that are given, and those that follow."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from elman.batch import Field, FrameBatch, Target
from elman.data.video.scenes import Scene


class Source(Protocol):
    """Windows of frames of one length."""

    def __len__(self) -> int:
        """Returns the number of windows of an epoch."""

    def window(self, number: int, epoch: int) -> np.ndarray:
        """Returns the frames of a window: uint8 [T, H, W] or [T, H, W, 3]."""


class SceneWindows:
    """The windows of some scenes; those that a cut divides are left out.

    Args:
        scenes: of one size; shorter ones have no window.
        length: T, frames of a window.
        most: windows at most, evenly spaced; None: all, one for each frame that can begin one.
    """

    def __init__(self, scenes: Sequence[Scene], length: int, most: int | None = None) -> None:
        self._length = length
        self._places = [
            (scene, begin) for scene in scenes for begin in range(max(0, len(scene) - length + 1))
        ]
        if most is not None and len(self._places) > most:
            chosen = np.linspace(0, len(self._places) - 1, most).round().astype(int)
            self._places = [self._places[k] for k in chosen]

    def __len__(self) -> int:
        return len(self._places)

    def window(self, number: int, epoch: int) -> np.ndarray:
        """Returns a window, the same in each epoch."""
        scene, begin = self._places[number]
        return scene.frames[begin : begin + self._length]


class Windows:
    """Batches of windows for a model that predicts each frame from those before it.

    Args:
        source: the windows.
        context: frames that are given; the others are to be predicted.
        batch_size: B.
        seed: determines each epoch's order, and which frames are told; None: in the source's order, and none
            is.
        taught: epochs over which the share of true frames that the model is told after the context falls from
            1 to 0; in the others it reads its own predictions (scheduled sampling: Bengio et al. 2015,
            arXiv:1506.03099).

    Shapes:
        batches of frames [T, B, C, H, W], uint8; the targets are the frames from the second on, of which with
        a seed all count, without one those after the context
    """

    def __init__(
        self, source: Source, context: int, *, batch_size: int, seed: int | None = None, taught: float = 0.0
    ) -> None:
        self._source, self._context, self._batch_size = source, context, batch_size
        self._seed, self._taught = seed, taught
        self.steps = -(-len(source) // batch_size)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[FrameBatch]:
        """Yields batches, starting at batch ``start``."""
        order = np.arange(len(self._source))
        if self._seed is not None:
            order = np.random.default_rng([self._seed, number]).permutation(len(order))
        for step in range(start, self.steps):
            rows = order[step * self._batch_size : (step + 1) * self._batch_size]
            frames = stacked([self._source.window(int(row), number) for row in rows])
            yield self._batch(frames, number, step)

    def _batch(self, frames: Tensor, number: int, step: int) -> FrameBatch:
        steps, rows = frames.shape[:2]
        told = torch.zeros(steps, rows, dtype=torch.bool)
        told[: self._context] = True
        weights = torch.ones(steps - 1, rows)
        if self._seed is None:
            weights[: self._context - 1] = 0
        else:
            share = 1 - (number + step / self.steps) / self._taught if self._taught else 0.0
            random = np.random.default_rng([self._seed, number, step])
            told |= torch.from_numpy(random.random((steps, rows)) < share)
        return FrameBatch(Field(frames), Target(frames[1:], weights), told)


def stacked(windows: Sequence[np.ndarray]) -> Tensor:
    """Stacks windows [T, H, W] or [T, H, W, C] of frames: [T, B, C, H, W]."""
    frames = torch.from_numpy(np.stack(windows, 1))
    return frames.unsqueeze(2) if frames.dim() == 4 else frames.movedim(-1, 2)

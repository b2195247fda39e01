"""Figures of predicted frames."""

import torch
from torch import Tensor


class FrameErrors:
    """Squared errors and sharpness of predicted frames, over many windows.

    Units:
        grey levels from 0 to 1, squared.
    """

    def __init__(self) -> None:
        self._errors: list[Tensor] = []
        self._edges = torch.zeros(2, dtype=torch.float64)
        self._pixels = 0

    def add(self, predicted: Tensor, true: Tensor) -> None:
        """Adds windows: [horizon, B, C, H, W] each, in [0, 1]."""
        self._pixels = predicted[0, 0].numel()
        self._errors.append((predicted - true).square().flatten(2).mean(-1).double())
        self._edges += torch.stack([_edges(frames[-1]) for frames in (predicted, true)])

    def by_frame(self) -> list[float]:
        """Returns the mean squared error a pixel of each frame ahead."""
        return [float(error) for error in torch.cat(self._errors, 1).mean(1)]

    def figures(self) -> dict[str, float]:
        """Returns the figures by name.

        ``squared_error``: mean over pixels and frames; ``median_squared_error``: the median of the frames'
        means; ``frame_error``: mean of the sums over a frame, the unit of most papers; ``sharpness``: mean
        absolute difference of neighbouring pixels in the last frame, as a share of the true frame's.
        """
        errors = torch.cat(self._errors, 1).flatten()
        mean = float(errors.mean())
        return {
            "squared_error": mean,
            "median_squared_error": float(errors.quantile(0.5)),
            "frame_error": mean * self._pixels,
            "sharpness": float(self._edges[0] / self._edges[1].clamp(min=1e-12)),
        }


def _edges(frames: Tensor) -> Tensor:
    """Returns the sum of absolute differences of neighbouring pixels."""
    return sum(frames.diff(dim=axis).abs().double().sum() for axis in (-2, -1))  # type: ignore[return-value]

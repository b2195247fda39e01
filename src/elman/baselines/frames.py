"""Simple predictions of the frames that follow some frames."""

from collections.abc import Iterable

import torch
from torch import Tensor

from elman.data.video.terms import TERMS, linear_terms


class SimpleFrames:
    """Copying, the mean frame, black, and linear predictors, one for each frame ahead.

        linear: the k-th next frame = a_k · l(x_t, x_{t−1})

    where l are the last two frames and their blurred forms (``linear_terms``) and a_k has the least squared
    error on the training part.

    Args:
        windows: frames [T, B, C, H, W] in [0, 1] of the training part, which are read once.
        context: of them that are given.
        horizon: frames that are predicted.
    """

    names = ("copying the last frame", "mean frame", "black", "linear from two frames")

    def __init__(self, windows: Iterable[Tensor], context: int, horizon: int) -> None:
        products = torch.zeros(TERMS, TERMS, dtype=torch.float64)
        moments = torch.zeros(horizon, TERMS, dtype=torch.float64)
        total, count = torch.zeros(1, dtype=torch.float64), 0
        for frames in windows:
            terms = linear_terms(frames[context - 1], frames[context - 2]).flatten(1).double()
            products += terms @ terms.T
            later = frames[context : context + horizon].flatten(1).double()
            moments += later @ terms.T
            total, count = total + frames.double().sum((0, 1)), count + frames.shape[0] * frames.shape[1]
        self.mean = (total / max(count, 1)).float()
        ridge = 1e-9 * products.diagonal().mean() * torch.eye(TERMS, dtype=torch.float64)
        self.weights = torch.linalg.solve(products + ridge, moments.T).T.float()  # [horizon, TERMS]

    def predict(self, given: Tensor) -> dict[str, Tensor]:
        """Returns each method's prediction from frames [T, B, C, H, W]: [horizon, B, C, H, W]."""
        last, before = given[-1], given[-2]
        linear = torch.einsum("hk,k...->h...", self.weights, linear_terms(last, before)).clamp(0, 1)
        predicted = (
            last.expand_as(linear),
            self.mean.expand_as(linear),
            torch.zeros_like(linear),
            linear,
        )
        return dict(zip(self.names, predicted, strict=True))

"""The mixture of predictions that errs least on the validation part."""

import itertools

import torch
from torch import Tensor

from elman.batch import Batches
from elman.models.next_frames import CANDIDATES, NextFrames, pixels
from elman.models.predict import predict

_STEPS = 20  # from a weight of 0 to 1


def mixing(model: NextFrames, batches: Batches, context: int, horizon: int) -> Tensor:
    """Returns the weights of ``CANDIDATES`` for each frame ahead, [horizon, 3].

    None is negative, and they sum to 1; of the multiples of 0.05 those with the least squared error are
    chosen.
    """
    products = torch.zeros(horizon, len(CANDIDATES), len(CANDIDATES), dtype=torch.float64)

    def errors(frames: Tensor) -> Tensor:
        return model.candidates(frames[:context], horizon) - frames[context:]

    inputs = (pixels(batch.inputs.values) for batch in batches.epoch(0))
    for found in predict(model, inputs, errors):
        flat = found.flatten(2).transpose(0, 1).double()  # [horizon, 3, pixels]
        products += flat @ flat.transpose(1, 2)
    grid = torch.tensor(
        [
            (_STEPS - b - c, b, c)
            for b, c in itertools.product(range(_STEPS + 1), repeat=2)
            if b + c <= _STEPS
        ],
        dtype=torch.float64,
    )
    grid /= _STEPS
    error = torch.einsum("gi,hij,gj->hg", grid, products, grid)
    return grid[error.argmin(1)].float()

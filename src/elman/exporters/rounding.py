"""Weights in int8: a matrix is whole numbers from -127 to 127 and a unit for each of its rows."""

import copy

import numpy as np
import torch
from torch import Tensor, nn

_LEVELS = 127


def quantized(matrix: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Returns a matrix [m, n] in int8, and the unit of each row [m]; the largest number of a row is ±127."""
    largest = matrix.abs().amax(1).double()
    unit = torch.where(largest > 0, largest / _LEVELS, 1.0)
    levels = (matrix.double() / unit[:, None]).round().clamp(-_LEVELS, _LEVELS)
    return levels.to(torch.int8).numpy(), unit.float().numpy()


def rounded(model: nn.Module) -> nn.Module:
    """Returns a copy of a model whose matrices are those that int8 holds; initial states stay as they are."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2 and not name.rpartition(".")[2].startswith("initial_"):
                levels, unit = quantized(parameter.detach().float().cpu())
                parameter.copy_(torch.from_numpy(levels * unit[:, None]))
    return model

"""Runs a model over batches: in evaluation mode, without gradients, on its own device."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import torch
from torch import nn

from elman.batch import to_device

B = TypeVar("B")
R = TypeVar("R")

_CPU = torch.device("cpu")


def predict(model: nn.Module, batches: Iterable[B], f: Callable[[B], R]) -> Iterator[R]:
    """Yields the result of a function of the model for each batch, on the CPU.

    The model is in evaluation mode until the last result is taken; then its mode is restored.

    Args:
        model: on any device.
        batches: batches, fields or tensors; each is moved to the model's device.
        f: calls the model, such as ``lambda inputs: model.predict(inputs)``.
    """
    device = device_of(model)
    training = model.training
    model.eval()
    try:
        for batch in batches:
            with torch.inference_mode():
                result = f(to_device(batch, device))
            yield to_device(result, _CPU)
    finally:
        model.train(training)


def device_of(model: nn.Module) -> torch.device:
    """Returns the device of a model's first parameter."""
    return next(model.parameters()).device

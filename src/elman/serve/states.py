"""A stream's state as bytes that any service of the same run continues from: a safetensors file."""

import base64
import binascii
from typing import Any

import safetensors.torch
import torch

from elman.errors import InputError
from elman.state import State

_KEPT = "kept."


def packed(names: Any, state: State, kept: dict[str, torch.Tensor]) -> str:
    """Returns the state, and what a form keeps, as base64 text."""
    tensors = {name: s.contiguous() for name, s in zip(names, state, strict=True)}
    tensors |= {_KEPT + name: value for name, value in kept.items()}
    return base64.b64encode(safetensors.torch.save(tensors)).decode()


def unpacked(text: Any, shapes: dict[str, list[int]]) -> tuple[State, dict[str, torch.Tensor]]:
    """Reads what ``packed`` wrote; it need not be trusted.

    Args:
        text: from a client.
        shapes: of each state, by name.

    Raises:
        InputError: it is damaged, or of another model.
    """
    try:
        tensors = safetensors.torch.load(base64.b64decode(text, validate=True))
    except (binascii.Error, TypeError, ValueError, safetensors.SafetensorError):
        raise InputError("state must be what this service handed out") from None
    kept = {name.removeprefix(_KEPT): tensors.pop(name) for name in list(tensors) if name.startswith(_KEPT)}
    found = {name: list(value.shape) for name, value in tensors.items()}
    if found != shapes:
        raise InputError(f"state must hold {shapes}. Got {found}.")
    for name, value in [*tensors.items(), *kept.items()]:
        if value.is_floating_point() and not (value.isfinite() | (value == -torch.inf)).all():
            raise InputError(f"state: {name} must be finite")
        if value.is_complex():
            raise InputError(f"state: {name} must be real numbers")
    if not all(value.is_floating_point() for value in tensors.values()):
        raise InputError("state must hold floating-point numbers")
    return tuple(tensors[name].float() for name in shapes), kept

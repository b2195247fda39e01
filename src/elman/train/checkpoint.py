"""Everything a run needs to go on as if it had never stopped, in one safetensors file."""

import dataclasses
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from elman.config import check_regular
from elman.errors import InputError
from elman.models.predict import device_of
from elman.state import State
from elman.train.files import write_atomically


@dataclass
class Position:
    """Where a run stands.

    Attributes:
        step: optimizer steps taken.
        seconds: of training so far, all sittings together.
        best_loss: the best validation loss so far.
        bad_epochs: epochs since then.
        history_bytes: length of the history file that belongs to this position.
        sums: running sums of the next log line: loss, targets, gradient norms, clipped steps, steps.
        finished: whether training is over.
    """

    step: int = 0
    seconds: float = 0.0
    best_loss: float = float("inf")
    bad_epochs: int = 0
    history_bytes: int = 0
    sums: tuple[float, ...] = (0.0,) * 5
    finished: bool = False


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, state: State | None, position: Position
) -> None:
    """Writes weights, optimizer, carried state, random state and position, atomically."""
    tensors: dict[str, Tensor] = {f"model/{key}": value for key, value in model.state_dict().items()}
    for index, slots in optimizer.state_dict()["state"].items():
        for key, value in slots.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{index}/{key}"] = value
    for index, value in enumerate(state or ()):
        tensors[f"state/{index}"] = value.detach()
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    tensors = {key: value.detach().contiguous().cpu() for key, value in tensors.items()}
    metadata = {"position": json.dumps(asdict(position))}
    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata))


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[State | None, Position]:
    """Puts a checkpoint's contents in place; returns the carried state and the position.

    Raises:
        InputError: the file is damaged or belongs to another model.
    """
    check_regular(path)
    device = device_of(model)
    try:
        with safe_open(path, "pt", device=str(device)) as file:
            tensors = {key: _aligned(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118 - not a dict
            position = _position(json.loads(file.metadata()["position"]))
        model.load_state_dict(_below("model/", tensors))
        _load_optimizer(optimizer, _below("optimizer/", tensors))
        torch.set_rng_state(tensors["random/cpu"].cpu())
        if "random/cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random/cuda"].cpu())
        parts = _below("state/", tensors)
        return tuple(parts[str(k)] for k in range(len(parts))) or None, position
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not a checkpoint of this run: {reason}") from None


def _position(fields: dict[str, Any]) -> Position:
    """The position of these fields, each of the type it was written with."""
    position = Position(**(fields | {"sums": tuple(map(float, fields["sums"]))}))
    for f in dataclasses.fields(Position):
        if type(getattr(position, f.name)) is not type(f.default):
            raise ValueError(
                f"{f.name} must be {type(f.default).__name__}. Got {getattr(position, f.name)!r}."
            )
    if position.step < 0 or position.history_bytes < 0 or len(position.sums) != len(Position.sums):
        raise ValueError("a number of the position is negative or missing")
    return position


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Puts the slots of each parameter in place; each has the parameter's shape or is a single number."""
    slots: dict[int, dict[str, Any]] = {}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for key, value in tensors.items():
        index, name = key.split("/")
        shape = parameters[int(index)].shape
        if value.shape not in (shape, ()):
            raise ValueError(f"optimizer/{key} must have shape {list(shape)}. Got {list(value.shape)}.")
        slots.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})


def save_weights(model: nn.Module, path: Path) -> None:
    """Writes a model's weights as safetensors, atomically."""
    tensors = {key: value.detach().contiguous().cpu() for key, value in model.state_dict().items()}
    write_atomically(path, lambda temporary: save_file(tensors, temporary))


def load_weights(path: Path, model: nn.Module) -> dict[str, Tensor]:
    """Reads weights that fit a model; names, shapes and types are compared before anything is allocated.

    Args:
        path: a safetensors file, which may come from anywhere.
        model: what they are for; it may live on the meta device. It is not changed.

    Raises:
        InputError: not an ordinary safetensors file, other names, shapes or types than the model's, or a
            value that is not finite.
    """
    check_regular(path)
    wanted = model.state_dict()
    try:
        with safe_open(path, "pt") as file:
            names = set(file.keys())
            if names != set(wanted):
                odd = sorted(names ^ set(wanted))[0]
                raise InputError(f"{path}: {'has' if odd in names else 'lacks'} the weight {odd[:80]!r}")
            for name, tensor in wanted.items():
                found = file.get_slice(name)
                if list(found.get_shape()) != list(tensor.shape):
                    raise InputError(
                        f"{path}: {name} must have shape {list(tensor.shape)}. Got {found.get_shape()}."
                    )
                if found.get_dtype() != "F32":
                    raise InputError(f"{path}: {name} must be float32. Got {found.get_dtype()}.")
            loaded = {name: _aligned(file.get_tensor(name)) for name in wanted}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a safetensors file: {str(error).splitlines()[0]}") from None
    for name, tensor in loaded.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {name} holds a value that is not finite")
    return loaded


def _aligned(tensor: Tensor) -> Tensor:
    """A copy where torch's allocator puts it: at other addresses, kernels may give other last digits."""
    return tensor.clone()


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

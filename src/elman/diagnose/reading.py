"""Records the input of a model's recurrent layers in one pass over a batch."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from elman.cells.base import Cell, Weights
from elman.errors import InputError
from elman.kernels import reference, stack
from elman.kernels.call import Answer, Call, Noise, Sweep
from elman.layers.conversion import convert
from elman.layers.recurrent import Recurrent
from elman.layers.torch_cells import StepModule
from elman.state import State


@dataclass(frozen=True)
class Reading:
    """The calls of one recurrent layer in a pass: one call, or several with the state carried over.

    Attributes:
        path: path of the layer within the model.
        layer: the layer.
        calls: the calls in order.
        records: for each call, the record of ``Recurrent.state_gradients``.
        answers: for each call, its answer.
    """

    path: str
    layer: Recurrent
    calls: list[Call]
    records: list[list[State]]
    answers: list[Answer]

    @property
    def alive(self) -> Tensor:
        """[T, B] true up to each row's length."""
        return torch.cat([_alive(call) for call in self.calls])

    @property
    def pieces(self) -> Tensor:
        """[T, B] index of the sequence that a step belongs to; a reset begins a new one."""
        return torch.cat([_resets(call) for call in self.calls]).cumsum(0)

    def gradients(self) -> list[State]:
        """Returns the states' gradients [T, B, *shape] of each layer and direction.

        They come from the last backward pass; the next one may change them in place.
        """
        if len(self.records) == 1:
            return self.records[0]
        return [tuple(map(torch.cat, zip(*own, strict=True))) for own in zip(*self.records, strict=True)]

    def forget_gradients(self) -> None:
        """Sets the gradients to 0, because a backward pass only writes those that it reaches."""
        for record in self.records:
            for state in record:
                for s in state:
                    s.zero_()


@dataclass(frozen=True)
class Trace:
    """One layer in one direction, step by step.

    Attributes:
        name: name of layer and direction.
        cell: the cell.
        w: the parameters by name.
        noise: zoneout's rates.
        alive: [T, B] true up to each row's length.
        x: [T, B, I] the input.
        side: [T, B, …] the side input, or None.
        before: each state [T, B, *shape] before the step.
        after: each state [T, B, *shape] after the step.
    """

    name: str
    cell: Cell
    w: Weights
    noise: Noise
    alive: Tensor
    x: Tensor
    side: Tensor | None
    before: State
    after: State


def prepared(model: nn.Module) -> nn.Module:
    """Returns a copy of a model to measure: torch's layers converted, evaluation mode, frozen parameters.

    Raises:
        InputError: the model has no recurrent layer, or a weight is NaN or infinite.
    """
    for name, parameter in model.named_parameters():
        finite = torch.isfinite(parameter)
        if not finite.all():
            count = int((~finite).sum())
            raise InputError(f"weights must be finite. Got {count} values that are not, in {name}.")
    model = _converted(model).eval().requires_grad_(False)
    if not _layers(model):
        raise InputError(
            "the model must have a recurrent layer: an elman.Recurrent or a torch.nn RNN, LSTM or GRU"
            f"{_unlike(model)}. Got {type(model).__name__}."
        )
    return model


def _converted(model: nn.Module) -> nn.Module:
    """Returns a copy of a model with torch's layers converted."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"elman\.convert", UserWarning)  # what counts is checked here
        return convert(copy.deepcopy(model))


def _unlike(model: nn.Module) -> str:
    """Explains why a module that looks like a recurrent layer does not count; empty if there is none."""
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            return ", not a subclass"
        if isinstance(module, StepModule | nn.RNNCellBase):
            return ", not a cell that the model calls step by step"
    return ""


def layer_names(model: nn.Module) -> tuple[str, ...]:
    """Returns the names of each layer and direction of a model's recurrent layers.

    A name begins with the module's path in the model: "recurrent layer 1", "recurrent layer 1 reverse",
    "encoder layer 1", ….
    """
    layers = _layers(_converted(model))
    return tuple(name for path, layer in layers.items() for name in names_of(path, layer))


def names_of(path: str, layer: Recurrent) -> list[str]:
    """Returns the names of each layer and direction of one recurrent module."""
    return [
        f"{path} layer {k + 1}{' reverse' if reverse else ''}"
        for k in range(layer.num_layers)
        for reverse in directions(layer)
    ]


def norm(values: Tensor, axes: int) -> Tensor:
    """Computes the norm over all but the first axes in float64, without overflow of the squares in float32.

    NaN if one of the values is infinite or NaN.
    """
    values = values.flatten(axes)
    if values.dtype.itemsize < 4:
        values = values.float()
    largest = values.abs().amax(-1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)
    scaled = torch.linalg.vector_norm(values / largest, dim=-1)
    return scaled.double() * largest[..., 0].double()


def directions(layer: Recurrent) -> tuple[bool, ...]:
    """Returns for each direction whether it reads from the end."""
    return (False, True) if layer.bidirectional else (False,)


def run(model: nn.Module, batch: Any) -> Any:
    """Calls the model on a batch: its argument, or a tuple of its arguments."""
    return model(*batch) if type(batch) is tuple else model(batch)


@contextmanager
def reading(model: nn.Module) -> Iterator[list[Reading]]:
    """Yields a list that is filled at the end of the context with the reading of each recurrent layer.

    Raises:
        InputError: a layer was not used, read several batches of sequences, or read no batch of finite
            numbers.
    """
    readings: list[Reading] = []
    with ExitStack() as watched:
        for path, layer in _layers(model).items():
            check = partial(_check_input, path, 3 + layer.cell.plane_axes)
            hook = layer.register_forward_pre_hook(check, with_kwargs=True)
            watched.callback(hook.remove)
        recorded = [
            (
                path,
                layer,
                watched.enter_context(layer.calls()),
                watched.enter_context(layer.state_gradients()),
            )
            for path, layer in _layers(model).items()
        ]
        yield readings
    idle = "" if any(made for _, _, made, _ in recorded) else "; a loss must call the model passed to it"
    for path, layer, made, gradients in recorded:
        calls, answers = [call for call, _ in made], [answer for _, answer in made]
        # a call without a state begins a new batch of sequences
        if not calls or any(call.state is call.initial for call in calls[1:]):
            raise InputError(
                f"each recurrent layer must read one batch of sequences in a pass. Got {len(calls)} calls "
                f"of {path}{idle}."
            )
        count = len(gradients) // len(calls)
        records = [gradients[k : k + count] for k in range(0, len(gradients), count)]
        read = Reading(path, layer, calls, records, answers)
        _check_read(read)
        readings.append(read)


def _check_input(path: str, axes: int, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raises InputError unless a layer is called with a batch."""
    x = args[0] if args else kwargs.get("input")
    if isinstance(x, Tensor) and x.dim() == axes - 1:
        raise InputError(f"{path} must read a batch with {axes} axes. Got shape {list(x.shape)}.")
    if not isinstance(x, Tensor | PackedSequence):
        raise InputError(f"{path} must read a tensor. Got {type(x).__name__}.")


def _check_read(read: Reading) -> None:
    """Raises InputError unless a layer read at least one step, and only finite numbers."""
    alive = read.alive
    if not alive.any():
        raise InputError(f"{read.path} must read at least one step. Got none, of {alive.shape[1]} rows.")
    wrong = int((~torch.isfinite(torch.cat([call.x for call in read.calls])[alive])).sum())
    if wrong:
        raise InputError(f"{read.path} must read finite numbers. Got {wrong} that are not.")


@torch.no_grad()
def traces(model: nn.Module, batch: Any) -> list[Trace]:
    """Traces every layer and direction of a prepared model on a batch, step by step by the reference."""
    with reading(model) as readings:
        run(model, batch)
    return [trace for read in readings for trace in _traces_of(read)]


def _traces_of(read: Reading) -> list[Trace]:
    """Returns a trace for each layer and direction of one recurrent module."""
    parts = [_of_call(call) for call in read.calls]
    names = names_of(read.path, read.layer)
    return [
        replace(
            own[0],
            name=name,
            alive=read.alive,
            x=torch.cat([p.x for p in own]),
            side=None if own[0].side is None else torch.cat([p.side for p in own if p.side is not None]),
            before=tuple(map(torch.cat, zip(*(p.before for p in own), strict=True))),
            after=tuple(map(torch.cat, zip(*(p.after for p in own), strict=True))),
        )
        for name, own in zip(names, zip(*parts, strict=True), strict=True)
    ]


def _of_call(call: Call) -> list[Trace]:
    """Returns a trace without a name for each layer and direction."""
    traced = []

    def unroll(sweep: Sweep) -> tuple[Tensor, State]:
        steps: dict[int, tuple[State, State]] = {}
        answer = reference.unroll(sweep, visit=lambda t, *both: steps.update({t: both}))
        before, after = (
            tuple(map(torch.stack, zip(*(steps[t][k] for t in range(len(sweep.x))), strict=True)))
            for k in (0, 1)
        )
        facts = sweep.cell, sweep.w, sweep.noise, _alive(call), sweep.x, sweep.side
        traced.append(Trace("", *facts, before, after))
        return answer

    stack.run(call._replace(record=None, recompute=0), unroll)
    return traced


def _layers(model: nn.Module) -> dict[str, Recurrent]:
    """Returns the recurrent layers by path; a single one is called "recurrent"."""
    modules = [(path, m) for path, m in model.named_modules() if isinstance(m, Recurrent)]
    # an ensemble's member holds its layer as ``layer``: the member's path is the name
    layers = [(path.removesuffix(".layer"), m) for path, m in modules]
    return {"recurrent": layers[0][1]} if len(layers) == 1 else dict(layers)


def _alive(call: Call) -> Tensor:
    T, B = call.x.shape[:2]
    lengths = torch.full((B,), T, device=call.x.device) if call.lengths is None else call.lengths
    return torch.arange(T, device=call.x.device)[:, None] < lengths


def _resets(call: Call) -> Tensor:
    return torch.zeros_like(_alive(call)) if call.resets is None else call.resets

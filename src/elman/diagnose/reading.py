"""What the recurrent layers of a model read, in one pass over one batch."""

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.nn.utils.rnn import PackedSequence

from elman.cells.base import Cell, Weights
from elman.errors import InputError
from elman.kernels import reference, stack
from elman.kernels.call import Answer, Call, Noise, Sweep
from elman.layers.conversion import convert
from elman.layers.recurrent import Recurrent
from elman.layers.torch_like import StepModule
from elman.state import State


@dataclass(frozen=True)
class Reading:
    """All that one recurrent layer read in a pass: one call, or several that carry the state on.

    Attributes:
        path: of the layer within the model.
        layer: the layer.
        calls: in the order they were made.
        records: of each call what ``Recurrent.state_gradients`` tells.
        answers: what each call gave.
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
        """[T, B] the number of the sequence that a step belongs to: resets begin new ones."""
        return torch.cat([_resets(call) for call in self.calls]).cumsum(0)

    def gradients(self) -> list[State]:
        """Of each layer and direction, each state [T, B, *shape]: as the last backward pass left them.

        The next one may change them.
        """
        if len(self.records) == 1:
            return self.records[0]
        return [tuple(map(torch.cat, zip(*own, strict=True))) for own in zip(*self.records, strict=True)]

    def forget_gradients(self) -> None:
        """Puts them back to 0, as a backward pass only fills those that it reaches."""
        for record in self.records:
            for state in record:
                for s in state:
                    s.zero_()


@dataclass(frozen=True)
class Trace:
    """One layer in one direction, step by step.

    Attributes:
        name: of the layer and direction.
        cell: its cell.
        w: its parameters by name.
        noise: zoneout's shares.
        alive: [T, B] true up to each row's length.
        x: [T, B, I] what it read.
        side: [T, B, …] the side input, if there is one.
        before: each state [T, B, *shape] as the step found it.
        after: each state [T, B, *shape] as the step left it.
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
    """A copy of a model to look into: our layers for torch's, in evaluation mode, parameters frozen.

    Raises:
        InputError: the model holds no recurrent layer, or a weight is NaN or infinite.
    """
    for name, parameter in model.named_parameters():
        finite = torch.isfinite(parameter)
        if not finite.all():
            raise InputError(f"weights must be finite. Got {int((~finite).sum())} that are not in {name}.")
    model = convert(copy.deepcopy(model)).eval().requires_grad_(False)
    if not _layers(model):
        raise InputError(
            "the model must hold a recurrent layer: an elman.Recurrent or a torch.nn RNN, LSTM or GRU"
            f"{_unlike(model)}. Got {type(model).__name__}."
        )
    return model


def _unlike(model: nn.Module) -> str:
    """What a model without a recurrent layer holds that looks like one, and why it is none."""
    for module in model.modules():
        if is_parametrized(module) and isinstance(module, nn.RNNBase):
            return ", without parametrizations such as weight_norm"
        if isinstance(module, nn.RNNBase):
            return ", of these classes themselves"
        if isinstance(module, StepModule | nn.RNNCellBase):
            return ", not a cell that the model calls step by step"
    return ""


def layer_names(model: nn.Module) -> tuple[str, ...]:
    """Of each layer and direction of each recurrent layer of a model.

    "recurrent layer 1", "recurrent layer 1 reverse", …; of a model with several, by their places in it:
    "encoder layer 1", ….
    """
    layers = _layers(convert(copy.deepcopy(model)))
    return tuple(name for path, layer in layers.items() for name in names_of(path, layer))


def names_of(path: str, layer: Recurrent) -> list[str]:
    """Of each layer and direction of one."""
    return [
        f"{path} layer {k + 1}{' reverse' if reverse else ''}"
        for k in range(layer.num_layers)
        for reverse in directions(layer)
    ]


def norm(values: Tensor, axes: int) -> Tensor:
    """The norm over all axes but the first ones, in float64, also where float32 does not hold the squares.

    NaN where one of the values is infinite or NaN.
    """
    values = values.flatten(axes)
    if values.dtype.itemsize < 4:
        values = values.float()
    largest = values.abs().amax(-1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)
    scaled = torch.linalg.vector_norm(values / largest, dim=-1)
    return scaled.double() * largest[..., 0].double()


def directions(layer: Recurrent) -> tuple[bool, ...]:
    """Whether each direction reads from the end."""
    return (False, True) if layer.bidirectional else (False,)


def run(model: nn.Module, batch: Any) -> Any:
    """The model on a batch: a tuple holds its arguments, anything else is its one argument."""
    return model(*batch) if type(batch) is tuple else model(batch)


@contextmanager
def reading(model: nn.Module) -> Iterator[list[Reading]]:
    """Fills a list, when it ends, with what each recurrent layer read within it.

    Raises:
        InputError: a layer was not used, read several sequences one after the other, or read no batch of
            finite numbers.
    """
    found: list[Reading] = []
    with ExitStack() as watched:
        for path, layer in _layers(model).items():
            check = partial(_check_input, path, 3 + layer.cell.plane_axes)
            hook = layer.register_forward_pre_hook(check, with_kwargs=True)
            watched.callback(hook.remove)
        told = [
            (
                path,
                layer,
                watched.enter_context(layer.calls()),
                watched.enter_context(layer.state_gradients()),
            )
            for path, layer in _layers(model).items()
        ]
        yield found
    idle = "" if any(made for _, _, made, _ in told) else "; a loss must call the model that it is given"
    for path, layer, made, gradients in told:
        calls, answers = [call for call, _ in made], [answer for _, answer in made]
        # a call that is given no state begins anew
        if not calls or any(call.state is call.initial for call in calls[1:]):
            raise InputError(
                f"each recurrent layer must read one batch of sequences in a pass. Got {len(calls)} calls "
                f"of {path}{idle}."
            )
        count = len(gradients) // len(calls)
        records = [gradients[k : k + count] for k in range(0, len(gradients), count)]
        read = Reading(path, layer, calls, records, answers)
        _check_read(read)
        found.append(read)


def _check_input(path: str, axes: int, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raises InputError unless a layer is called with a batch."""
    given = args[0] if args else kwargs.get("input")
    if isinstance(given, Tensor) and given.dim() == axes - 1:
        raise InputError(f"{path} must be given a batch, of {axes} axes. Got shape {list(given.shape)}.")
    if not isinstance(given, Tensor | PackedSequence):
        raise InputError(f"{path} must be given a tensor. Got {type(given).__name__}.")


def _check_read(read: Reading) -> None:
    """Raises InputError unless a layer read some steps, of numbers."""
    alive = read.alive
    if not alive.any():
        raise InputError(f"{read.path} must read at least one step. Got none, of {alive.shape[1]} rows.")
    wrong = int((~torch.isfinite(torch.cat([call.x for call in read.calls])[alive])).sum())
    if wrong:
        raise InputError(f"{read.path} must read finite numbers. Got {wrong} that are not.")


@torch.no_grad()
def traces(model: nn.Module, batch: Any) -> list[Trace]:
    """Every layer and direction of a prepared model on a batch, by the reference, step by step."""
    with reading(model) as found:
        run(model, batch)
    return [trace for each in found for trace in _traces_of(each)]


def _traces_of(read: Reading) -> list[Trace]:
    """Every layer and direction of one recurrent layer."""
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
    """Of each layer and direction, as yet without a name."""
    found = []

    def unroll(sweep: Sweep) -> tuple[Tensor, State]:
        steps: dict[int, tuple[State, State]] = {}
        answer = reference.unroll(sweep, visit=lambda t, *both: steps.update({t: both}))
        before, after = (
            tuple(map(torch.stack, zip(*(steps[t][k] for t in range(len(sweep.x))), strict=True)))
            for k in (0, 1)
        )
        told = sweep.cell, sweep.w, sweep.noise, _alive(call), sweep.x, sweep.side
        found.append(Trace("", *told, before, after))
        return answer

    stack.run(replace(call, record=None, recompute=0), unroll)
    return found


def _layers(model: nn.Module) -> dict[str, Recurrent]:
    """The recurrent layers by their places; "recurrent" where there is only one."""
    modules = [(path, m) for path, m in model.named_modules() if isinstance(m, Recurrent)]
    # as members of an ensemble call their own
    found = [(path.removesuffix(".layer"), m) for path, m in modules]
    return {"recurrent": found[0][1]} if len(found) == 1 else dict(found)


def _alive(call: Call) -> Tensor:
    T, B = call.x.shape[:2]
    lengths = torch.full((B,), T, device=call.x.device) if call.lengths is None else call.lengths
    return torch.arange(T, device=call.x.device)[:, None] < lengths


def _resets(call: Call) -> Tensor:
    return torch.zeros_like(_alive(call)) if call.resets is None else call.resets

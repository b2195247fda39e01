"""Optimizers, learning-rate schedules, clipping, and how large the updates are."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from elman.train.options import TrainingOptions

_ROUNDING = 1e-6  # of an epoch, which its share of the run may fall short by
_FLOOR = 0.01  # the cosine ends at this share of the highest rate


def make_optimizer(model: nn.Module, options: TrainingOptions) -> torch.optim.Optimizer:
    """The optimizer named in the options, over ``parameter_groups(model)``."""
    groups = parameter_groups(model)
    if options.optimizer == "sgd":
        return torch.optim.SGD(
            groups, options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
        )
    return torch.optim.AdamW(groups, options.learning_rate, weight_decay=options.weight_decay, fused=True)


def parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """All parameters in groups as torch's optimizers take them, each with its own options.

    A model may have ``parameter_groups()``, which gives them, with ``rate_share``, what the learning rate is
    multiplied by, and ``from_epoch``, the epoch (from 0) before which the group is not trained; otherwise
    they are one group. A module within it may have ``parameter_options()``, the options of those of its own
    parameters that have some: ``rate_share``, which multiplies the group's, and ``weight_decay``. Such
    parameters then form groups of their own.
    """
    own = getattr(model, "parameter_groups", None)
    groups = [{"params": list(model.parameters())}] if own is None else own()
    asked: dict[int, Mapping[str, float]] = {}
    for module in model.modules():
        options = getattr(module, "parameter_options", None)
        for name, wanted in options().items() if options is not None else ():
            asked[id(module.get_parameter(name))] = wanted
    return [part for group in groups for part in _split(group, asked)]


def _split(group: dict[str, Any], asked: Mapping[int, Mapping[str, float]]) -> list[dict[str, Any]]:
    """A group in parts of equal options; those of a parameter by its id."""
    parts: dict[tuple[tuple[str, float], ...], list[nn.Parameter]] = {}
    for parameter in group["params"]:
        parts.setdefault(tuple(sorted(asked.get(id(parameter), {}).items())), []).append(parameter)
    found = []
    for options, parameters in parts.items():
        part = {**group, **dict(options), "params": parameters}
        if "rate_share" in part:
            part["rate_share"] = group.get("rate_share", 1.0) * dict(options).get("rate_share", 1.0)
        found.append(part)
    return found


def learning_rate(options: TrainingOptions, step: int, share: float) -> float:
    """The rate of a step.

    Args:
        options: highest rate, warm-up and schedule.
        step: steps taken so far.
        share: of the run that is over, in [0, 1].
    """
    rate = options.learning_rate * min(1.0, (step + 1) / (options.warmup_steps + 1))
    if options.schedule == "cosine":
        rate *= _FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
    elif options.schedule == "step":
        epoch = int(share * options.epochs + _ROUNDING)  # from 0
        rate *= options.decay ** max(0, epoch + 1 - options.full_rate_epochs)
    return rate


def set_rates(optimizer: torch.optim.Optimizer, rate: float, epoch: int) -> None:
    """Gives each group its share of the rate, and gradients from its epoch on."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("rate_share", 1.0)
        if group.get("from_epoch"):
            for parameter in group["params"]:
                parameter.requires_grad_(epoch >= group["from_epoch"])


def clip_gradients(model: nn.Module, options: TrainingOptions) -> float:
    """Clips in place as the options say, where that changes anything; returns the joint norm before.

    A norm that is not finite clips nothing: scaled by it, every gradient would be hit, and none could be
    blamed.
    """
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients))
    if options.clip == "norm" and options.clip_at < norm < math.inf:
        torch._foreach_mul_(gradients, options.clip_at / norm)
    elif options.clip == "value" and norm < math.inf:
        torch.nn.utils.clip_grad_value_(model.parameters(), options.clip_at)
    return norm


def copy_parameters(model: nn.Module) -> list[Tensor]:
    """A copy of each parameter, in the model's order."""
    return [p.detach().clone() for p in model.parameters()]


def update_ratios(model: nn.Module, before: list[Tensor]) -> dict[str, float]:
    """How far each parameter has moved, as a share of its size: ‖w' − w‖ / ‖w‖, by name.

    Args:
        model: after the update.
        before: its parameters before, as ``copy_parameters`` gave them.

    Returns:
        To four digits; without those that were 0, of which nothing is a share.
    """
    names, after = zip(*((name, p.detach()) for name, p in model.named_parameters()), strict=True)
    moved = torch.stack(torch._foreach_norm(torch._foreach_sub(list(after), before))).tolist()
    sizes = torch.stack(torch._foreach_norm(before)).tolist()
    return {
        name: float(f"{change / size:.3e}")
        for name, change, size in zip(names, moved, sizes, strict=True)
        if size > 0
    }

"""Optimizers, learning-rate schedules, clipping, and the size of updates."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from elman.train.options import TrainingOptions

_ROUNDING = 1e-6  # in epochs: tolerance for rounding of the share of the run
_FLOOR = 0.01  # the cosine ends at this share of the highest rate


def make_optimizer(model: nn.Module, options: TrainingOptions) -> torch.optim.Optimizer:
    """Makes the optimizer named in the options, over ``parameter_groups(model)``."""
    groups = parameter_groups(model)
    if options.optimizer == "sgd":
        return torch.optim.SGD(
            groups, options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
        )
    return torch.optim.AdamW(groups, options.learning_rate, weight_decay=options.weight_decay, fused=True)


def parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """Returns all parameters in groups for torch's optimizers, each group with its own options.

    A model may define ``parameter_groups()``, which returns groups with ``rate_share``, a factor on the
    learning rate, and ``from_epoch``, the first epoch (from 0) in which the group is trained; otherwise all
    parameters form one group. A module of the model may define ``parameter_options()``, which returns options
    for some of its own parameters: ``rate_share``, multiplied by the group's, and ``weight_decay``. Those
    parameters then form groups of their own.
    """
    own = getattr(model, "parameter_groups", None)
    groups = [{"params": list(model.parameters())}] if own is None else own()
    requested: dict[int, Mapping[str, float]] = {}
    for module in model.modules():
        parameter_options = getattr(module, "parameter_options", None)
        for name, options in parameter_options().items() if parameter_options is not None else ():
            requested[id(module.get_parameter(name))] = options
    return [part for group in groups for part in _split(group, requested)]


def _split(group: dict[str, Any], requested: Mapping[int, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Splits a group into groups of equal options; ``requested`` has each parameter's options by its id."""
    parts: dict[tuple[tuple[str, float], ...], list[nn.Parameter]] = {}
    for parameter in group["params"]:
        parts.setdefault(tuple(sorted(requested.get(id(parameter), {}).items())), []).append(parameter)
    groups = []
    for options, parameters in parts.items():
        part = {**group, **dict(options), "params": parameters}
        if "rate_share" in part:
            part["rate_share"] = group.get("rate_share", 1.0) * dict(options).get("rate_share", 1.0)
        groups.append(part)
    return groups


def learning_rate(options: TrainingOptions, step: int, share: float) -> float:
    """Returns the learning rate of a step.

    Args:
        options: highest rate, warm-up and schedule.
        step: steps taken so far.
        share: completed share of the run, in [0, 1].
    """
    rate = options.learning_rate * min(1.0, (step + 1) / (options.warmup_steps + 1))
    if options.schedule == "cosine":
        rate *= _FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
    elif options.schedule == "step":
        epoch = int(share * options.epochs + _ROUNDING)  # from 0
        rate *= options.decay ** max(0, epoch + 1 - options.full_rate_epochs)
    return rate


def set_rates(optimizer: torch.optim.Optimizer, rate: float, epoch: int) -> None:
    """Sets each group's learning rate, and enables its gradients from its first epoch."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("rate_share", 1.0)
        if group.get("from_epoch"):
            for parameter in group["params"]:
                parameter.requires_grad_(epoch >= group["from_epoch"])


def clip_gradients(model: nn.Module, options: TrainingOptions) -> float:
    """Clips gradients in place according to the options; returns their joint norm before clipping.

    Does not clip by a norm that is not finite: that would spread NaN to every gradient and hide which one
    caused it.
    """
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients))
    if options.clip == "norm" and options.clip_at < norm < math.inf:
        torch._foreach_mul_(gradients, options.clip_at / norm)
    elif options.clip == "value" and norm < math.inf:
        torch.nn.utils.clip_grad_value_(model.parameters(), options.clip_at)
    return norm


def copy_parameters(model: nn.Module) -> list[Tensor]:
    """Returns a copy of each parameter, in the model's order."""
    return [p.detach().clone() for p in model.parameters()]


def update_ratios(model: nn.Module, before: list[Tensor]) -> dict[str, float]:
    """Returns the relative change of each parameter, ‖w' − w‖ / ‖w‖, by name.

    Args:
        model: after the update.
        before: the parameters before the update, from ``copy_parameters``.

    Returns:
        Ratios with four significant digits; parameters that were 0 are omitted.
    """
    names, after = zip(*((name, p.detach()) for name, p in model.named_parameters()), strict=True)
    moved = torch.stack(torch._foreach_norm(torch._foreach_sub(list(after), before))).tolist()
    sizes = torch.stack(torch._foreach_norm(before)).tolist()
    return {
        name: float(f"{change / size:.3e}")
        for name, change, size in zip(names, moved, sizes, strict=True)
        if size > 0
    }

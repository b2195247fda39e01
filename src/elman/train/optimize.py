"""Optimizers, learning-rate schedules and clipping."""

import math

import torch
from torch import Tensor, nn

from elman.train.options import TrainingOptions

_FLOOR = 0.01  # the cosine ends at this share of the highest rate


def make_optimizer(model: nn.Module, options: TrainingOptions) -> torch.optim.Optimizer:
    """The optimizer named in the options, over all parameters."""
    parameters = list(model.parameters())
    if options.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
        )
    return torch.optim.AdamW(parameters, options.learning_rate, weight_decay=options.weight_decay, fused=True)


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
    return rate


def clip_gradients(model: nn.Module, options: TrainingOptions) -> Tensor:
    """Clips in place as the options say; returns the joint norm before clipping, a scalar."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    if options.clip == "norm":
        torch.nn.utils.clip_grads_with_norm_(model.parameters(), options.clip_at, norm)
    elif options.clip == "value":
        torch.nn.utils.clip_grad_value_(model.parameters(), options.clip_at)
    return norm

"""Cross-entropy over many classes without storing all logits."""

from typing import Any

import torch
from torch import Tensor

from elman.kernels.plain import why_not

_TABLE = 2**22  # logits stored at a time, so that they stay in the CPU's cache


def is_worthwhile(features: Tensor, weight: Tensor) -> bool:
    """Whether the logits of features [N, F] and weight [V, F] are too many to be stored at once.

    False off the CPU, and if anything other than torch's autograd traces the operators.
    """
    many = len(features) * len(weight) > 2 * _TABLE
    plain = features.device.type == "cpu" and not torch.compiler.is_compiling()
    return many and plain and why_not((features, weight)) is None


def linear_cross_entropy(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Computes the weighted sum of ``F.cross_entropy(F.linear(features, weight, bias), targets)``.

    Processes a few rows of features at a time, logits and gradients in the same pass, so that a vocabulary of
    tens of thousands needs neither the memory for all logits nor the time to move them. Under autocast,
    products use its dtype; the rest is float32, or wider if the features are. Differentiable once.

    Args:
        features: [N, F].
        weight: [V, F].
        bias: [V].
        targets: [N] class ids.
        weights: [N]; None: all 1.
        label_smoothing: ε, the share of each target that is spread over all classes.

    Returns:
        A scalar, in nats.

    Source: the gradient in the forward pass as in Hsu et al. 2024, arXiv:2410.10989.
    """
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else features.dtype
    needs_grad = torch.is_grad_enabled() and any(t.requires_grad for t in (features, weight, bias))
    with torch.autocast("cpu", enabled=False):
        total: Tensor = _LinearCrossEntropy.apply(
            features, weight, bias, targets, weights, label_smoothing, dtype, needs_grad
        )
    return total


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        weights: Tensor | None,
        smoothing: float,
        dtype: torch.dtype,
        needs_grad: bool,
    ) -> Tensor:
        N, V = len(features), len(weight)
        rows = min(N, max(1, _TABLE // V))
        x, w = features.to(dtype), weight.to(dtype)
        wide = torch.promote_types(dtype, torch.float32)
        table = x.new_empty(rows, V, dtype=wide)
        product = table if dtype == wide else x.new_empty(rows, V)
        losses = torch.empty(N, dtype=wide)
        gradients = (
            tuple(torch.zeros_like(t, dtype=wide) for t in (features, weight, bias)) if needs_grad else ()
        )
        for begin in range(0, N, rows):
            here = slice(begin, begin + rows)
            target = targets[here, None]
            part = product[: len(target)]
            logits = torch.add(torch.mm(x[here], w.T, out=part), bias, out=table[: len(target)])
            largest = logits.amax(1, keepdim=True)
            expected = (1 - smoothing) * logits.gather(1, target)
            if smoothing:
                expected += smoothing * logits.mean(1, keepdim=True)
            p = logits.sub_(largest).exp_()
            total = p.sum(1, keepdim=True)
            losses[here] = (total.log() + largest - expected)[:, 0]
            if needs_grad:
                p.div_(total).scatter_add_(1, target, torch.full_like(total, smoothing - 1))
                if smoothing:
                    p.sub_(smoothing / V)
                if weights is not None:
                    p.mul_(weights[here, None])
                _collect(gradients, p, p if dtype == wide else part.copy_(p), x, w, here)
        kept = (g.to(t.dtype) for g, t in zip(gradients, (features, weight, bias), strict=False))
        ctx.save_for_backward(*kept)
        return (losses if weights is None else losses * weights).sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # create_graph=True
            raise RuntimeError("the cross-entropy over many classes cannot be differentiated twice")
        return (*(g * gradient for g in ctx.saved_tensors), *[None] * 5)


def _collect(
    gradients: tuple[Tensor, ...], p: Tensor, rounded: Tensor, x: Tensor, w: Tensor, here: slice
) -> None:
    """Adds the contribution of some rows to the gradients of features, weight and bias.

    Args:
        gradients: the gradients of features, weight and bias.
        p: the gradient of the rows' logits [N', V].
        rounded: ``p`` in the products' dtype.
        x: the features in that dtype.
        w: the weight in that dtype.
        here: the rows.
    """
    of_features, of_weight, of_bias = gradients
    of_features[here] = torch.mm(rounded, w)
    of_bias += p.sum(0)
    if rounded is p:
        of_weight.addmm_(rounded.T, x[here])
    else:
        of_weight += torch.mm(rounded.T, x[here])

"""Cross-entropy over many classes, without a table of all logits."""

from typing import Any

import torch
from torch import Tensor

from elman.kernels.plain import why_not

_TABLE = 2**22  # logits that are held at a time: they stay in a processor's cache


def is_worthwhile(features: Tensor, weight: Tensor) -> bool:
    """Whether the logits of features [N, F] and weight [V, F] are too many to be held at once.

    Only on a processor, and where nothing but torch's autograd follows the operators.
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
    """The sum of ``F.cross_entropy(F.linear(features, weight, bias), targets)``, each times its weight.

    Takes some rows of features at a time: their logits, and in the same pass the gradients, so that a
    vocabulary of tens of thousands needs neither the memory of all logits nor the time of moving them. Under
    autocast products are taken in its type; the rest is float32, or wider where the features are. It can be
    differentiated once.

    Args:
        features: [N, F].
        weight: [V, F].
        bias: [V].
        targets: [N] class ids.
        weights: [N], or None: all 1.
        label_smoothing: ε, the share of each target that is spread over all classes.

    Returns:
        a scalar, in nats.

    Source: the gradient in the forward pass as in Hsu et al. 2024, arXiv:2410.10989.
    """
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else features.dtype
    wants = torch.is_grad_enabled() and any(t.requires_grad for t in (features, weight, bias))
    with torch.autocast("cpu", enabled=False):
        total: Tensor = _LinearCrossEntropy.apply(
            features, weight, bias, targets, weights, label_smoothing, dtype, wants
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
        wants: bool,
    ) -> Tensor:
        N, V = len(features), len(weight)
        rows = min(N, max(1, _TABLE // V))
        x, w = features.to(dtype), weight.to(dtype)
        wide = torch.promote_types(dtype, torch.float32)
        table = x.new_empty(rows, V, dtype=wide)
        product = table if dtype == wide else x.new_empty(rows, V)
        losses = torch.empty(N, dtype=wide)
        gradients = tuple(torch.zeros_like(t, dtype=wide) for t in (features, weight, bias)) if wants else ()
        for begin in range(0, N, rows):
            here = slice(begin, begin + rows)
            target = targets[here, None]
            part = product[: len(target)]
            logits = torch.add(torch.mm(x[here], w.T, out=part), bias, out=table[: len(target)])
            largest = logits.amax(1, keepdim=True)
            wanted = (1 - smoothing) * logits.gather(1, target)
            if smoothing:
                wanted += smoothing * logits.mean(1, keepdim=True)
            p = logits.sub_(largest).exp_()
            total = p.sum(1, keepdim=True)
            losses[here] = (total.log() + largest - wanted)[:, 0]
            if wants:
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
            raise RuntimeError("a cross-entropy over so many classes cannot be differentiated twice")
        return (*(g * gradient for g in ctx.saved_tensors), *[None] * 5)


def _collect(
    gradients: tuple[Tensor, ...], p: Tensor, rounded: Tensor, x: Tensor, w: Tensor, here: slice
) -> None:
    """Adds what some rows give to the gradients of features, weight and bias.

    Args:
        gradients: of features, weight, bias.
        p: of the rows' logits [N', V].
        rounded: the same in the products' type.
        x: features in that type.
        w: weight in that type.
        here: the rows.
    """
    of_features, of_weight, of_bias = gradients
    of_features[here] = torch.mm(rounded, w)
    of_bias += p.sum(0)
    if rounded is p:
        of_weight.addmm_(rounded.T, x[here])
    else:
        of_weight += torch.mm(rounded.T, x[here])

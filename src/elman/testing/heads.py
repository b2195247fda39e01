"""What every head promises: its loss, its prediction, and of a distribution its draws."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from elman.batch import Target
from elman.heads.base import Distribution, Head
from elman.registry import find, names
from elman.testing.agreement import randomise
from elman.testing.suite import Check, ensure, equal, named, promise, run_all, setting

FEATURES = 3
"""F, features that the head of a case reads."""
LEADING = ((5,), (4, 3), (1, 1))  # sequences [B]; steps [T, B]


@dataclass(frozen=True, eq=False)
class HeadCase:
    """A head, and what the checks must know of it.

    Attributes:
        make: makes the head, which reads ``FEATURES`` features.
        target: random targets with the given leading axes, as () → one target.
        worse: from a prediction, targets of the same shape that must have a larger loss.
        density_over: equally spaced values that hold all probability of a ``Distribution`` whose loss is
            −log of its density; None: its draws are compared with its quantiles.
        chained: whether the steps of a row depend on each other: then only whole rows [T, B] have losses that
            can be computed alone.
    """

    make: Callable[[], Head]
    target: Callable[[tuple[int, ...]], Tensor]
    worse: Callable[[Tensor], list[Tensor]]
    density_over: Tensor | None = None
    chained: bool = False

    @property
    def leading(self) -> tuple[tuple[int, ...], ...]:
        """Leading axes of the features that are tried."""
        return tuple(axes for axes in LEADING if len(axes) == 2 or not self.chained)

    def build(self) -> Head:
        """The head in float64 with random parameters."""
        return randomise(self.make().double())

    def draw(self, leading: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Random features and targets."""
        return torch.randn(*leading, FEATURES, dtype=torch.float64), self.target(leading)


def check_head(case: HeadCase) -> None:
    """Runs every check on a head.

    Args:
        case: makes the head, its targets, and targets that its prediction must fit better than.

    Raises:
        AssertionError: the head breaks promises; the message names each, and what was measured.
    """
    run_all(HEAD_CHECKS, case, type(case.make()).__name__)


def head_checks() -> list[tuple[str, Check[HeadCase]]]:
    """Name and check, for each promise: what ``pytest.mark.parametrize`` takes."""
    return named(HEAD_CHECKS)


def registered_heads() -> dict[str, type[Head]]:
    """The heads in ``elman/heads/`` by name, each in a file of its own."""
    return {name: find("heads", name, Head) for name in names("heads")}


# The loss


@promise
def check_loss_is_a_sum_and_a_count(case: HeadCase) -> None:
    """The loss is the sum over the targets, taken one by one or row by row, and the count is their number."""
    head = case.build()
    for leading in case.leading:
        features, values = case.draw(leading)
        loss = head.loss(features, Target(values))
        alone = _alone(case, head, features, values)
        rows = [
            head.loss(f, Target(v)).sum
            for f, v in zip(features.split(1, -2), values.split(1, len(leading) - 1), strict=True)
        ]
        with setting(leading=leading):
            equal((loss.sum.shape, loss.count.shape), ((), ()), "the shapes of sum and count")
            equal(loss.count.item(), math.prod(leading), "the count")
            _close(loss.sum, alone.sum(), "the sum of single losses")
            _close(loss.sum, torch.stack(rows).sum(), "the sum of the rows' losses")


@promise
def check_weights_scale_each_target(case: HeadCase) -> None:
    """A target's weight multiplies its loss and its part of the count; weights of 1 change nothing."""
    head = case.build()
    for leading in case.leading:
        features, values = case.draw(leading)
        own = torch.rand(leading[-1:] if case.chained else leading, dtype=torch.float64) * 3
        weights = own.expand(leading)
        loss = head.loss(features, Target(values, weights))
        plain = head.loss(features, Target(values))
        ones = head.loss(features, Target(values, torch.ones(leading, dtype=torch.float64)))
        with setting(leading=leading):
            _close(loss.sum, (_alone(case, head, features, values) * own).sum(), "the weighted sum")
            _close(loss.count, weights.sum(), "the count")
            _close(ones.sum, plain.sum, "the sum with weights of 1")
            _close(ones.count, plain.count, "the count with weights of 1")


@promise
def check_single_losses_are_reported(case: HeadCase) -> None:
    """Within ``single_losses`` each loss reports its targets' own, NaN at a weight of 0; none after it."""
    head = case.build()
    for leading in case.leading:
        features, values = case.draw(leading)
        weights = torch.rand(leading, dtype=torch.float64) + 0.1
        weights.view(-1)[1:2] = 0
        with head.single_losses() as reported:
            plain = head.loss(features, Target(values))
            weighted = head.loss(features, Target(values, weights))
        with setting(leading=leading):
            for losses, given in ((reported[0], torch.ones(leading)), (reported[1], weights)):
                alone = _alone(case, head, features, values, given)
                ensure(
                    torch.equal(losses.isnan(), given == 0), f"NaN must stand at weights of 0. Got {losses}."
                )
                own = losses.nansum(0) if case.chained else losses.nan_to_num()
                _close(own, alone, "the single losses")
            for within, target in ((plain, Target(values)), (weighted, Target(values, weights))):
                after = head.loss(features, target)
                _close(within.sum, after.sum, "the sum of what is reported")
                _close(within.count, after.count, "the count of what is reported")
            equal(len(reported), 2, "the number of losses reported")


@promise
def check_a_weight_of_0_drops_a_target(case: HeadCase) -> None:
    """A target of weight 0 has no gradient, and whatever stands there changes nothing."""
    leading = (4, 3)
    head, (features, values) = case.build(), case.draw(leading)
    weights = torch.ones(leading, dtype=torch.float64)
    weights[1, 2] = weights[3, 0] = 0
    features.requires_grad_()
    loss = head.loss(features, Target(values, weights))
    (gradient,) = torch.autograd.grad(loss.sum, features)
    reached = torch.equal(gradient.abs().sum(-1) > 0, weights > 0)
    ensure(reached, f"the gradient must be 0 where the weight is. Its sizes: {gradient.abs().sum(-1)}")
    behind = weights.view(4, 3, *[1] * (values.dim() - 2))
    other = torch.where(behind > 0, values, case.target(leading))
    changed = head.loss(features, Target(other, weights)).sum
    equal(changed.item(), loss.sum.item(), "the sum with another target at a weight of 0")
    equal(loss.count.item(), 10, "the count")


@promise
def check_a_padded_batch_has_the_loss_of_its_rows(case: HeadCase) -> None:
    """A batch of unlike lengths, its padding of weight 0, has the loss of its rows one by one."""
    head, (features, values) = case.build(), case.draw((4, 3))
    lengths = torch.tensor([4, 1, 2])
    weights = (torch.arange(4)[:, None] < lengths).double()
    loss = head.loss(features, Target(values, weights, lengths), lengths)
    rows = [
        head.loss(features[:n, [k]], Target(values[:n, [k]]), torch.tensor([n])).sum
        for k, n in enumerate(lengths.tolist())
    ]
    _close(loss.sum, torch.stack(rows).sum(), "the sum of the rows' losses")
    equal(loss.count.item(), lengths.sum().item(), "the count")


def check_gradients(head: Head, features: Tensor, *rest: Any) -> None:
    """Checks the gradients of a loss of features, and of what follows them, by numerical ones.

    Raises:
        AssertionError: a gradient of the features or of a parameter differs.
    """
    names, parameters = zip(*head.named_parameters(), strict=True)

    def loss(features: Tensor, *given: Tensor) -> Tensor:
        head.forward = head.loss
        with_given = dict(zip(names, given, strict=True))
        total: Tensor = functional_call(head, with_given, (features, *rest)).sum
        return total

    try:
        torch.autograd.gradcheck(loss, (features.requires_grad_(), *parameters))
    except torch.autograd.gradcheck.GradcheckError as error:  # type: ignore[attr-defined]
        raise AssertionError(str(error)) from error


@promise
def check_gradients_equal_numerical_ones(case: HeadCase) -> None:
    """Gradients of the loss for features and parameters equal numerical ones."""
    head, (features, values) = case.build(), case.draw((2, 3))
    weights = torch.rand(2, 3, dtype=torch.float64)
    check_gradients(head, features, Target(values, weights))


@promise
def check_prediction_is_the_target_of_the_least_loss(case: HeadCase) -> None:
    """The prediction, taken as target, has a smaller loss than the targets that the case says are worse."""
    head = case.build()
    for leading in case.leading:
        features, _ = case.draw(leading)
        best = head.predict(features)
        least = _alone(case, head, features, best)
        for other in case.worse(best):
            gain = (_alone(case, head, features, other) - least).min().item()
            ensure(gain > 0, f"leading={leading}: a worse target's loss is smaller by {-gain:.3g}")


# Draws


@promise
def check_draws_do_not_depend_on_what_stands_beside_them(case: HeadCase) -> None:
    """A distribution's draws for an entry are the same whatever entries stand beside it."""
    head = case.build()
    if not isinstance(head, Distribution):
        return
    for leading in ((5,), (4, 3)):
        features = torch.randn(*leading, 1, FEATURES, dtype=torch.float64)
        scale = torch.rand(*leading, 1, dtype=torch.float64) * 50 + 0.1
        torch.manual_seed(1)
        every, after = head.sample(features, 30, scale), torch.rand(2)
        torch.manual_seed(1)
        some, later = head.sample(features[[3, 1]], 30, scale[[3, 1]]), torch.rand(2)
        with setting(leading=leading):
            equal(tuple(every.shape), (*leading, 30), "the shape of 30 draws")
            _close(some, every[[3, 1]], "the draws of two entries alone")
            ensure(
                torch.equal(after, later), "as many random numbers must be drawn for two entries as for all"
            )


@promise
def check_draws_have_the_distribution_of_the_loss(case: HeadCase) -> None:
    """Shares of a distribution's draws are those that its density, or its quantiles, give."""
    head, features = case.build().requires_grad_(False), torch.randn(1, 1, FEATURES, dtype=torch.float64)
    if not isinstance(head, Distribution):
        return
    draws, features = head.sample(features, 20_000)[0], features[0]
    if case.density_over is None:
        below = torch.tensor([0.025, 0.3, 0.5, 0.62, 0.975], dtype=torch.float64)
        grid = head.quantiles(features, below)[:, 0]
    else:
        grid = case.density_over.double()
        with head.single_losses() as reported:
            head.loss(features.expand(len(grid), FEATURES), Target(grid))
        below = (-reported[0]).exp().cumsum(0) * (grid[1] - grid[0])
        ensure(abs(below[-1] - 1) <= 0.01, f"the density must sum to 1. Got {below[-1]:.4f}.")
    share = torch.searchsorted(draws.sort().values, grid, right=True) / len(draws)
    error = (share - below).abs().max()
    ensure(error <= 0.02, f"a share of the draws is {error:.3f} off")


HEAD_CHECKS: tuple[Check[HeadCase], ...] = (
    check_loss_is_a_sum_and_a_count,
    check_weights_scale_each_target,
    check_single_losses_are_reported,
    check_a_weight_of_0_drops_a_target,
    check_a_padded_batch_has_the_loss_of_its_rows,
    check_gradients_equal_numerical_ones,
    check_prediction_is_the_target_of_the_least_loss,
    check_draws_do_not_depend_on_what_stands_beside_them,
    check_draws_have_the_distribution_of_the_loss,
)


def _alone(
    case: HeadCase, head: Head, features: Tensor, values: Tensor, weights: Tensor | None = None
) -> Tensor:
    """Each target's loss times its weight, computed alone; of a chained head, each row's."""
    leading = features.shape[:-1]
    if weights is None:
        weights = torch.ones(leading, dtype=torch.float64)
    if case.chained:
        rows = [(features[:, [k]], values[:, [k]], weights[:, [k]]) for k in range(leading[1])]
        return torch.stack([head.loss(f, Target(v, w)).sum for f, v, w in rows])
    targets = zip(features.flatten(0, -2), values.flatten(0, len(leading) - 1), strict=True)
    alone = torch.stack([head.loss(f[None], Target(v[None])).sum for f, v in targets])
    return alone.view(leading) * weights


def _close(received: Tensor, expected: Tensor, what: str) -> None:
    """Raises AssertionError unless two tensors are equal but for rounding."""
    torch.testing.assert_close(received, expected, equal_nan=True, msg=lambda said: f"{what}: {said}")

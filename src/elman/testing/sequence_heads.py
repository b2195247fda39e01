"""What every head promises that reads fewer symbols than steps from a row, such as CTC."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from elman.batch import Target
from elman.heads.base import SequenceHead
from elman.testing.agreement import randomise
from elman.testing.heads import FEATURES, check_gradients
from elman.testing.suite import Check, ensure, equal, named, promise, run_all

_STEPS = (6, 5, 4)  # of the rows of a batch
_SYMBOLS = (3, 1, 2)


@dataclass(frozen=True, eq=False)
class SequenceHeadCase:
    """A head whose targets are shorter than what they are read from.

    Attributes:
        make: makes the head, which reads ``FEATURES`` features.
        symbols: V, different symbols of its targets; two or three.
    """

    make: Callable[[], SequenceHead]
    symbols: int

    def build(self) -> SequenceHead:
        """The head in float64 with random parameters."""
        return randomise(self.make().double())

    def draw(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Random features [T, B, F], symbols [U, B], steps [B] and symbols of each row [B]."""
        features = torch.randn(max(_STEPS), len(_STEPS), FEATURES, dtype=torch.float64)
        values = torch.randint(self.symbols, (max(_SYMBOLS), len(_SYMBOLS)))
        return features, values, torch.tensor(_STEPS), torch.tensor(_SYMBOLS)


def check_sequence_head(case: SequenceHeadCase) -> None:
    """Runs every check on a head for sequences.

    Args:
        case: makes the head.

    Raises:
        AssertionError: the head breaks promises; the message names each, and what was measured.
    """
    run_all(SEQUENCE_HEAD_CHECKS, case, type(case.make()).__name__)


def sequence_head_checks() -> list[tuple[str, Check[SequenceHeadCase]]]:
    """Name and check, for each promise: what ``pytest.mark.parametrize`` takes."""
    return named(SEQUENCE_HEAD_CHECKS)


@promise
def check_targets_have_probabilities(case: SequenceHeadCase) -> None:
    """The loss is −log of a probability: targets that are no longer than a row have at most 1 together."""
    head, features = case.build(), torch.randn(3, 1, FEATURES, dtype=torch.float64)
    total = 0.0
    for number in range(4):
        for symbols in itertools.product(range(case.symbols), repeat=number):
            values = torch.tensor(symbols, dtype=torch.int64)[:, None]
            loss = head.loss(features, Target(values, lengths=torch.tensor([number]))).sum.item()
            ensure(loss >= 0, f"the loss of {symbols} must not be negative. Got {loss:.3g}.")
            total += torch.tensor(-loss).exp().item()
    ensure(0 < total <= 1 + 1e-6, f"the probabilities must be at most 1 together. Got {total:.4f}.")


@promise
def check_a_padded_batch_has_the_loss_of_its_rows(case: SequenceHeadCase) -> None:
    """A batch has the loss of its rows one by one, times their weights, whatever stands past their ends."""
    head, (features, values, steps, symbols) = case.build(), case.draw()
    weights = torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64)
    loss = head.loss(features, Target(values, weights, symbols), steps)
    own = torch.stack(_alone(head, features, values))
    _close(loss.sum, (own * weights).sum(), "the sum of the rows' losses")
    equal(loss.count.item(), float((weights * symbols).sum()), "the count")
    others, symbols_behind = features.clone(), values.clone()
    for row, (t, u) in enumerate(zip(_STEPS, _SYMBOLS, strict=True)):
        others[t:, row] = 1e3
        symbols_behind[u:, row] = 0
    changed = head.loss(others, Target(symbols_behind, weights, symbols), steps)
    _close(changed.sum, loss.sum, "the sum with others past the ends")


@promise
def check_single_losses_are_reported(case: SequenceHeadCase) -> None:
    """Within ``single_losses`` each row's loss is reported, NaN at a weight of 0."""
    head, (features, values, steps, symbols) = case.build(), case.draw()
    weights = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64)
    with head.single_losses() as reported:
        head.loss(features, Target(values, weights, symbols), steps)
    own = torch.stack(_alone(head, features, values)) * weights
    _close(reported[0], own.masked_fill(weights == 0, torch.nan), "the single losses")


@promise
def check_a_weight_of_0_drops_a_row(case: SequenceHeadCase) -> None:
    """A row of weight 0 has no gradient, and may be too short for its symbols."""
    head, (features, values, steps, symbols) = case.build(), case.draw()
    steps[1], symbols[1] = 1, 3
    weights = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    features.requires_grad_()
    loss = head.loss(features, Target(values, weights, symbols), steps)
    (gradient,) = torch.autograd.grad(loss.sum, features)
    ensure(torch.isfinite(loss.sum), f"the loss must be finite. Got {loss.sum.item()}.")
    ensure(torch.isfinite(gradient).all(), "the gradient must be finite")
    ensure((gradient[:, 1] == 0).all(), "the gradient of a row of weight 0 must be 0")
    equal(loss.count.item(), float(symbols[0] + symbols[2]), "the count")


@promise
def check_gradients_equal_numerical_ones(case: SequenceHeadCase) -> None:
    """Gradients of the loss for features and parameters equal numerical ones."""
    head, (features, values, steps, symbols) = case.build(), case.draw()
    check_gradients(head, features, Target(values, lengths=symbols), steps)


@promise
def check_a_prediction_does_not_depend_on_other_rows(case: SequenceHeadCase) -> None:
    """A row's prediction is the same whatever rows stand beside it."""
    head, (features, *_) = case.build(), case.draw()
    together = head.predict(features)
    for row in range(len(_STEPS)):
        alone = head.predict(features[:, [row]])
        ensure(
            torch.equal(alone, together[:, [row]]), f"row {row} must have the prediction that it has alone"
        )


SEQUENCE_HEAD_CHECKS: tuple[Check[SequenceHeadCase], ...] = (
    check_targets_have_probabilities,
    check_a_padded_batch_has_the_loss_of_its_rows,
    check_single_losses_are_reported,
    check_a_weight_of_0_drops_a_row,
    check_gradients_equal_numerical_ones,
    check_a_prediction_does_not_depend_on_other_rows,
)


def _alone(head: SequenceHead, features: Tensor, values: Tensor) -> list[Tensor]:
    """The loss of each row of a batch of ``_STEPS``, computed alone."""
    return [
        head.loss(
            features[:t, [k]], Target(values[:u, [k]], lengths=torch.tensor([u])), torch.tensor([t])
        ).sum
        for k, (t, u) in enumerate(zip(_STEPS, _SYMBOLS, strict=True))
    ]


def _close(received: Tensor, expected: Tensor, what: str) -> None:
    """Raises AssertionError unless two tensors are equal but for rounding."""
    torch.testing.assert_close(
        received, expected, equal_nan=True, check_dtype=False, msg=lambda said: f"{what}: {said}"
    )

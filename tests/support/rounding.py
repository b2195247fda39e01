"""How far two correct computations may differ: by a few times what rounding its inputs does to a result.

A tolerance that is a constant is right for one case on one processor: elsewhere sums are taken in another
order, and a case with small differences of large numbers loses more digits than others. Here each case
measures its own condition.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

FACTOR = 16
"""Errors allowed, in roundings of the inputs. The largest seen is 5: a program rounds at every step."""

DRAWS = 2
STEP = 2**10
"""Inputs move by that many times their own rounding, so that what the run itself rounds does not count."""

Results = Mapping[Any, Tensor]


def allowed(
    run: Callable[[], Results], inputs: Iterable[Tensor], dtype: torch.dtype
) -> tuple[dict[Any, Tensor], dict[Any, float]]:
    """Returns the results of a run and, for each, the error that another run in ``dtype`` may have.

    Every element of the inputs moves up or down at random, relative to itself; the largest change of a
    result, scaled to the rounding of ``dtype``, is what rounding does to it. The rounding of the result's own
    largest element is added. Inputs are changed in place, and changed back.

    Args:
        run: computes named results from the inputs; its random numbers are the same in every call.
        inputs: tensors that the run reads, in float64 or in the precision that is compared.
        dtype: the precision by which errors are judged.
    """
    inputs = list(inputs)
    random = torch.Generator().manual_seed(0)
    rounding = torch.finfo(dtype).eps / 2
    step = STEP * max((torch.finfo(each.dtype).eps / 2 for each in inputs), default=rounding)
    exact = {name: value.detach().clone() for name, value in run().items()}
    changes = dict.fromkeys(exact, 0.0)
    before = [each.detach().clone() for each in inputs]
    for _ in range(DRAWS):
        for each in inputs:
            signs = 1.0 - 2 * torch.randint(2, each.shape, generator=random)
            each.data.mul_(1 + step * signs.to(each.dtype))
        try:
            moved = run()
        finally:
            for each, kept in zip(inputs, before, strict=True):
                each.data.copy_(kept)
        for name, value in exact.items():
            changes[name] = max(changes[name], largest(moved[name].detach().double() - value.double()))
    bounds = {
        name: FACTOR * rounding * (changes[name] / step + largest(value)) for name, value in exact.items()
    }
    return exact, bounds


def largest(value: Tensor) -> float:
    """The largest magnitude; 0 of an empty tensor."""
    return value.detach().abs().max().item() if value.numel() else 0.0


def within(found: Results, exact: Results, bounds: Mapping[Any, float]) -> None:
    """Asserts the same names and shapes, and errors within the bounds."""
    assert found.keys() == exact.keys()
    for name, value in exact.items():
        assert found[name].shape == value.shape, name
        error = largest(found[name].double() - value.double())
        assert error <= bounds[name], f"{name}: {error:.1e} off, where {bounds[name]:.1e} is allowed"


def agree_in(
    dtype: torch.dtype, found: Results, run: Callable[[], Results], inputs: Iterable[Tensor]
) -> None:
    """Asserts that ``found`` is what the run returns, up to rounding in ``dtype``.

    What is within the rounding of the results alone is within every bound of ``allowed``, which runs twice
    more.
    """
    exact = {name: value.detach().clone() for name, value in run().items()}
    rounding = torch.finfo(dtype).eps / 2
    try:
        within(found, exact, {name: FACTOR * rounding * largest(value) for name, value in exact.items()})
    except AssertionError:
        within(found, *allowed(run, inputs, dtype))

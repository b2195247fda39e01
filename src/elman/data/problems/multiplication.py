"""The Multiplication problem."""

from dataclasses import dataclass

import numpy as np

from elman.data.problems.adding import Adding


@dataclass(frozen=True)
class Multiplication(Adding):
    """Predicts the product of the two marked numbers.

    Drawn like the Adding problem, but a network that sums up what it is shown does not solve it. The constant
    answer 1/4 leaves the variance of the product, 7/144; half of one of the numbers leaves 1/36.

    Source: Hochreiter & Schmidhuber 1997, Long short-term memory, Neural Computation 9(8), experiment 5.
    """

    sign = ("×", "product")

    def result(self, values: np.ndarray, marks: np.ndarray) -> np.ndarray:
        """Returns the products [B] of the marked numbers [steps, B]."""
        products: np.ndarray = np.where(marks == 1, values, np.float32(1)).prod(0)
        return products

    def baselines(self) -> dict[str, dict[str, float]]:
        """Returns the loss without memory, and with memory of one number."""
        return {"always 1/4": {"mse": 7 / 144}, "half of the second number": {"mse": 1 / 36}}

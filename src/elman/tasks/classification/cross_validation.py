"""Accuracies of the folds of a cross-validation."""

from pathlib import Path
from typing import Any

import numpy as np

from elman.config import is_finite, read_json
from elman.errors import InputError
from elman.train import files

_FOLDS = "folds.json"


class Folds:
    """Accuracies of the folds measured so far, by method.

    They are stored in the run folder, so that an interrupted cross-validation continues with the next fold.

    Args:
        first: results of the first fold.
        folder: the run folder; None keeps the accuracies in memory.

    Raises:
        InputError: the file of accuracies holds something else.
    """

    def __init__(self, first: dict[str, Any], folder: Path | None) -> None:
        self._path = None if folder is None else folder / _FOLDS
        self.accuracies = _read(self._path) or [_accuracies(first)]

    def add(self, results: dict[str, Any]) -> None:
        """Adds the results of the next fold."""
        self.accuracies.append(_accuracies(results))
        if self._path is not None:
            files.write_json(self._path, self.accuracies)

    def summary(self) -> dict[str, Any]:
        """Returns, for each method, the accuracy in every fold, the mean and the standard deviation."""
        by_method = {name: [fold[name] for fold in self.accuracies] for name in self.accuracies[0]}
        return {
            name: {"accuracy": a, "mean": float(np.mean(a)), "deviation": float(np.std(a))}
            for name, a in by_method.items()
        }


def _accuracies(results: dict[str, Any]) -> dict[str, float]:
    methods = {**results["baselines"], **results.get("alone", {}), "this model": results["test"]}
    return {name: figures["accuracy"] for name, figures in methods.items()}


def _read(path: Path | None) -> list[dict[str, float]]:
    """Reads the accuracies that an interrupted cross-validation stored."""
    folds = read_json(path) if path is not None and path.exists() else []
    if not (
        isinstance(folds, list)
        and all(isinstance(fold, dict) and all(map(is_finite, fold.values())) for fold in folds)
    ):
        raise InputError(f"{path}: must hold the accuracies of this run's folds")
    return folds

"""Predictions of a regressor, their errors and the report."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from elman.baselines.minirocket import minirocket_ridge
from elman.data.batches.ragged import Ragged
from elman.data.read.opening import kind_of
from elman.data.scale import written
from elman.data.sequences import Sequences
from elman.diagnose.remedies import Remedy
from elman.errors import InputError
from elman.models.pooled import Pooled
from elman.models.predict import predict
from elman.tasks.regression.data import (
    RegressionData,
    RegressionFacts,
    read_table_or_arrays,
    sequence_batches,
    the_one_file,
)
from elman.tasks.regression.options import RegressionConfig
from elman.tasks.regression.wide import Known, learn
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts
from elman.tasks.shared.sequence_advice import rocket_remedies, sequence_figures, sequence_remedies
from elman.tasks.shared.steps import steps_of
from elman.tasks.shared.table import behind_lines, csv_line, table_lines
from elman.tasks.shared.wide import Wide, wide_line

_DIGITS = 9  # significant digits of a prediction in CSV: what float32 holds


class RegressionAnswers(TaskAnswers):
    """Predictions for sequences, and their errors."""

    config: RegressionConfig
    facts: RegressionFacts
    model: Pooled

    def predict(self, sequences: Sequences) -> np.ndarray:
        """Returns predictions [N, O] in the targets' unit.

        Raises:
            InputError: the sequences do not have the model's number of features.
        """
        features = len(self.facts.features)
        if sequences.inputs.shape[2] != features:
            raise InputError(f"X must have {features} features. Got {sequences.inputs.shape[2]}.")
        network, wide = self._of_network(sequences), self.facts.wide
        both = network if wide is None else wide.join(network, wide.outputs(self._items(sequences)))
        return self.facts.unscaled(both)

    def _of_network(self, sequences: Sequences) -> np.ndarray:
        """Returns scaled predictions [N, O] of the network alone."""
        found = np.zeros((len(sequences), len(self.facts.outputs)), np.float32)
        if not len(sequences):
            return found
        batches = self._batches(sequences)
        outputs = predict(self.model, (batch.inputs for batch in batches.epoch()), self.model.predict)
        for rows, values in zip(batches.rows(), outputs, strict=True):
            found[rows] = values.float().numpy()
        return found

    def _items(self, sequences: Sequences) -> list[np.ndarray]:
        """Returns the scaled sequences [T, I], as the wide part reads them."""
        return [self.facts.scaled_inputs(item) for item in sequences.items]

    def learn_wide(self, data: RegressionData) -> tuple[Wide | None, dict[str, Any]]:
        """Learns features of training and validation part beside the trained network; see ``wide.learn``."""
        if self.config.rocket == "none":
            return None, {}
        training, validation = data.part("training"), data.part("validation")
        rows = np.concatenate([data.split[0], data.split[1]])
        every = data.sequences.rows(rows)
        weights = np.ones(len(every)) if every.weights is None else every.weights
        is_validation = np.arange(len(every)) >= len(training)
        targets = self.facts.scaled_targets(every.known_targets)
        known = Known(self._items(every), targets, weights, is_validation)
        return learn(known, self._of_network(validation))

    def score(self, sequences: Sequences) -> float:
        """Returns R² of the predictions; see ``SequenceRegressor.score``."""
        targets, weights = sequences.known_targets, sequences.weights
        own = np.ones(len(sequences)) if weights is None else weights
        residual = float((own @ np.square(targets - self.predict(sequences))).sum())
        known = targets - targets[own.argmax()]  # exactly 0 if they are constant
        varied = float((own @ np.square(known - np.average(known, axis=0, weights=own))).sum())
        return 1 - residual / varied if varied else float(residual == 0)

    def read(self, path: Path, *, with_target: bool) -> Sequences:
        """Reads the sequences of a file.

        Raises:
            InputError: the file breaks a rule, or its features or outputs differ from the model's.
        """
        sequences = read_table_or_arrays(
            self.config, path, with_target=with_target, trained=self.facts.features, steps=self.facts.steps
        )
        for kind, names, expected in (
            ("features", sequences.features, self.facts.features),
            ("outputs", sequences.outputs, self.facts.outputs),
        ):
            has_names = kind_of(path) not in (".npz", ".ts")
            same = tuple(names) == expected if has_names else len(names) == len(expected)
            if not same and (kind == "features" or with_target):
                raise InputError(f"{path}: {kind} must be {', '.join(expected)}. Got {', '.join(names)}.")
        return sequences

    def batches(self, paths: list[Path]) -> Ragged:
        """Returns batches of another file."""
        return self._batches(self._labelled(paths))

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Returns the errors on another file."""
        return self.figures(self._labelled(paths))

    def figures(self, sequences: Sequences) -> dict[str, Any]:
        """Returns the errors on sequences with targets."""
        return _errors(sequences, self.predict(sequences))

    def _labelled(self, paths: list[Path]) -> Sequences:
        return self.read(the_one_file(paths), with_target=True)

    def _batches(self, sequences: Sequences) -> Ragged:
        return sequence_batches(self.config, self.facts, sequences)

    def lines(self, ids: list[str], values: np.ndarray) -> Iterator[str]:
        """Yields predictions [N, O] as CSV: the names of the columns, then one line for each sequence."""
        facts = self.facts
        yield csv_line([self.config.id_column, *facts.outputs])
        units = list(zip(facts.target_mean, facts.target_scale, strict=True))
        for name, row in zip(ids, values.tolist(), strict=True):
            yield csv_line([name, *(written(v, *unit, _DIGITS) for v, unit in zip(row, units, strict=True))])

    def excerpt(self, batches: Ragged) -> Excerpt:
        """Returns the first batch, with the names of the features."""
        return Excerpt(next(iter(batches.epoch())), features=steps_of(self.config).names(self.facts.features))

    def measure(self, data: RegressionData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Returns errors on the test part of the model and of simple methods.

        These are the mean, least squares on mean and last step, and ridge regression on MiniRocket.
        """
        training, test = data.part("training"), data.part("test")
        residuals = {"residuals": self._residuals(training, data.part("validation"))}
        if not test:
            return residuals
        mean = training.known_targets.mean(0)
        simple = {
            "mean": np.broadcast_to(mean, test.known_targets.shape),
            "linear regression": _least_squares(training, test),
        }
        convolved = minirocket_ridge(training.items, training.known_targets, test.items)
        if convolved is not None:
            simple["MiniRocket + ridge"] = convolved.others
        results: dict[str, Any] = {
            "test": self.figures(test),
            "baselines": {name: _errors(test, values) for name, values in simple.items()},
            **residuals,
        }
        wide = self.facts.wide
        if wide is not None:
            alone = {
                "the features alone": wide.outputs(self._items(test)),
                "the network alone": self._of_network(test),
            }
            unscaled = self.facts.unscaled
            results["alone"] = {name: _errors(test, unscaled(values)) for name, values in alone.items()}
        return results

    def _residuals(self, training: Sequences, validation: Sequences) -> dict[str, Any]:
        """Returns what the network's errors on the validation part, and the sequences, say is wrong."""
        errors = self.facts.scaled_targets(validation.known_targets) - self._of_network(validation)
        return sequence_figures(training.items, self._items(validation), errors)

    def proposals(self, results: dict[str, Any]) -> Iterator[Remedy]:
        """Proposes what the errors call for, and to leave out a wide part that harms or to add one."""
        yield from sequence_remedies(self.config, results)
        found = results.get("rocket", {})
        if found.get("joined_squared_error", 0) > found.get("network_squared_error", 0):
            why = "the features raised the squared error of the validation part"
            yield Remedy({"rocket": "none"}, why)
        simple = {name: row["rmse"] for name, row in results.get("baselines", {}).items()}
        ahead = [name for name, error in simple.items() if error < results["test"]["rmse"]]
        yield from rocket_remedies(self.config, ahead)

    def report(self, results: dict[str, Any]) -> str:
        """Returns the test errors of the model and of simple methods."""
        if "test" not in results:
            return "trained on all sequences; no test part"
        heads = ("root mean squared error", "mean absolute error")
        alone = results.get("alone", {})
        others = {**results["baselines"], **alone}
        own = "this model (network and features)" if alone else "this model"
        rows = {
            name: [f"{row['rmse']:.5g}", f"{row['mae']:.5g}"]
            for name, row in {**others, own: results["test"]}.items()
        }
        behind = behind_lines(
            results["test"],
            others,
            {"rmse": heads[0], "mae": heads[1]},
            higher_is_better=False,
        )
        found = results.get("rocket")
        return "\n".join(
            [
                *table_lines("on the test part", heads, rows),
                *behind,
                *([wide_line(found, "features", "predictions")] if found else []),
            ]
        )


def _least_squares(training: Sequences, test: Sequences) -> np.ndarray:
    """Predicts from the mean and the last step of each sequence, by least squares on the training part."""

    def design(sequences: Sequences) -> np.ndarray:
        last = sequences.inputs[np.arange(len(sequences)), sequences.lengths - 1]
        mean = sequences.inputs.sum(1) / sequences.lengths[:, None]
        return np.concatenate([last, mean, np.ones((len(sequences), 1))], axis=1)

    weights, *_ = np.linalg.lstsq(design(training), training.known_targets, rcond=None)
    return design(test) @ weights


def _errors(sequences: Sequences, predictions: np.ndarray) -> dict[str, Any]:
    error = predictions.astype(np.float64) - sequences.known_targets
    return {
        "rmse": float(np.sqrt(np.square(error).mean())),
        "mae": float(np.abs(error).mean()),
        "sequences": len(sequences),
    }

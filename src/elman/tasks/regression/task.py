"""Regression: real numbers for a whole numeric sequence."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
import tyro

from elman.config import check_regular
from elman.data.read.tables import csv_line
from elman.errors import InputError
from elman.tasks.shared.answers import Sample
from elman.tasks.shared.data import Parts
from elman.tasks.shared.options import TaskConfig, Verb
from elman.tasks.shared.sources import Paths, as_paths
from elman.tasks.shared.task import Task

if TYPE_CHECKING:
    from elman.data.batches.examples import Examples
    from elman.data.sequences import Sequences
    from elman.models.pooled import Pooled
    from elman.train.loop import Reading

_DATA = "sequences.npz"
_DIGITS = 9  # significant ones of a prediction in CSV: what float32 holds


@dataclass(frozen=True, kw_only=True)
class RegressionConfig(TaskConfig):
    """Trains a model that predicts numbers from whole numeric sequences.

    Reads a table with one row a step (.csv, .parquet) or arrays x, y (.npz).
    """

    hidden_size: int = 64
    """units of each layer"""
    bidirectional: bool = False
    """each layer also reads from the end"""
    standardise: bool = True
    """features and targets are brought to mean 0 and variance 1, as measured on the training part"""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """shares of training, validation and test part, drawn at random"""
    id_column: str = "unique_id"
    """column that names a row's sequence"""
    time_column: str = "ds"
    """column that orders a sequence's rows, where there is one"""
    target_column: str = "y"
    """column to predict, the same in every row of a sequence"""


@dataclass(frozen=True, kw_only=True)
class Predict(Verb):
    """Prints a prediction for every sequence of a file, as CSV."""

    data: Annotated[Path, tyro.conf.Positional]
    """.csv or .parquet with the training table's features, or .npz with an array x"""

    example: ClassVar[str] = "elman predict runs/regression new.csv"

    def text(self, task: "SequenceRegressor") -> Iterator[str]:
        """One line a sequence."""
        from elman.data.scale import written

        ids, values = task.predict_file(self.data)
        yield csv_line([task.config.id_column, *task.facts["outputs"]])
        units = list(zip(task.facts["target_mean"], task.facts["target_scale"], strict=True))
        for name, row in zip(ids, values.tolist(), strict=True):
            yield csv_line([name, *(written(v, *unit, _DIGITS) for v, unit in zip(row, units, strict=True))])

    def json(self, task: "SequenceRegressor") -> dict[str, Any]:
        """Predictions by sequence."""
        ids, values = task.predict_file(self.data)
        return {"outputs": task.facts["outputs"], "predictions": dict(zip(ids, values.tolist(), strict=True))}


class SequenceRegressor(Task):
    """Numbers from sequences, in scikit-learn's manner: ``fit(X, y)``, ``predict(X)``, ``score(X, y)``.

    Recurrent layer → last state → linear output; mean squared error.

    Args:
        **options: fields of ``RegressionConfig`` (``elman train regression --help`` explains them).

    Shapes:
        X [N, T, I] or [N, T], y [N] or [N, O] → predictions like y

    Raises:
        InputError: an option out of its range.
    """

    Config = RegressionConfig
    verb = Predict
    estimator = "regressor"
    example = "elman train regression table.csv --out runs/regression --epochs 30"

    model: "Pooled"

    def fit(
        self,
        X: Any,
        y: Any,
        lengths: Any = None,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all the sequences given: ``split`` is for files.

        Args:
            X: [N, T, I], or [N, T] of one feature.
            y: [N] or [N, O].
            lengths: [N] steps of each sequence, or None: all T.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces a run folder that exists.
            show_progress: a progress bar on standard error.

        Raises:
            InputError: shapes do not fit, or a value is not finite.
        """
        from elman.data.read.arrays import array
        from elman.data.sequences import sequences_from_arrays

        if y is None:
            raise InputError("y: targets are needed to fit")
        data = sequences_from_arrays(X, y, lengths)
        whole = np.arange(len(data)), np.arange(0), np.arange(0)

        def keep(folder: Path | None) -> None:
            self._learn(data, whole, folder, flat=array(y, "y").ndim == 1)

        return self._fit(keep, out, overwrite, show_progress)

    def predict(self, X: Any, lengths: Any = None) -> np.ndarray:
        """Predictions [N] or [N, O], as y was; in the target's unit."""
        from elman.data.sequences import sequences_from_arrays

        self._fitted()
        values = self._predict(sequences_from_arrays(X, None, lengths))
        return values[:, 0] if self.facts["flat"] else values

    def score(self, X: Any, y: Any, lengths: Any = None) -> float:
        """R², the share of the targets' variance that is explained (1 is best; the mean scores 0).

        Of targets that are constant nothing can be explained: 1 where every prediction is right, else 0.
        """
        data = self._from_memory(X, y, lengths)
        assert data.targets is not None
        residual = float(np.square(data.targets - self._predict(data)).sum())
        known = data.targets - data.targets[0]  # exactly 0 where they are constant
        varied = float(np.square(known - known.mean(0)).sum())
        return 1 - residual / varied if varied else float(residual == 0)

    def _from_memory(self, X: Any, y: Any, lengths: Any) -> "Sequences":
        """Sequences with targets such as the model was trained on."""
        from elman.data.sequences import sequences_from_arrays

        self._fitted()
        if y is None:
            raise InputError("y: targets are needed")
        data = sequences_from_arrays(X, y, lengths)
        wanted = len(self.facts["outputs"])
        if len(data.outputs) != wanted:
            raise InputError(f"y must have {wanted} outputs. Got {len(data.outputs)}.")
        return data

    def predict_file(self, path: str | Path) -> tuple[list[str], np.ndarray]:
        """The sequences' names and predictions [N, O] for a file."""
        data = self._read_alike(Path(path), with_target=False)
        return data.ids, self._predict(data)

    def read(self, data: list[Path], folder: Path | None) -> None:
        """Reads one table, splits its sequences at random, learns scales from the training part."""
        from elman.data.split import split_points

        if len(data) != 1:
            raise InputError(f"regression reads one file. Got {len(data)}.")
        sequences = self._read(data[0], with_target=True)
        order = np.random.default_rng(self.config.seed).permutation(len(sequences))
        cuts = split_points(len(sequences), self.config.split, "sequences", str(data[0]))
        training, validation, test = np.split(order, cuts)
        self._learn(sequences, (training, validation, test), folder, flat=len(sequences.outputs) == 1)

    def _read(self, path: Path, with_target: bool) -> "Sequences":
        from elman.data.sequences import read_sequences

        return read_sequences(
            path,
            id_column=self.config.id_column,
            time_column=self.config.time_column,
            target_column=self.config.target_column,
            with_target=with_target,
        )

    def _read_alike(self, path: Path, with_target: bool) -> "Sequences":
        """Reads a file with the features, and the outputs, that the model was trained on."""
        self._fitted()
        data = self._read(path, with_target)
        for kind, found in (("features", data.features), ("outputs", data.outputs)):
            wanted = self.facts[kind]
            # arrays do not name their columns
            same = len(found) == len(wanted) if path.suffix == ".npz" else found == wanted
            if not same and (kind == "features" or with_target):
                raise InputError(f"{path}: {kind} must be {', '.join(wanted)}. Got {', '.join(found)}.")
        return data

    def _learn(
        self, data: "Sequences", split: tuple[np.ndarray, ...], folder: Path | None, *, flat: bool
    ) -> None:
        """Facts and scales from the training part; data kept, in the run folder where there is one."""
        from elman.data.scale import standard
        from elman.data.split import PARTS

        assert data.targets is not None
        self._data, self._split = data, split
        train = data.rows(split[0])
        assert train.targets is not None
        steps = np.concatenate([x[:n] for x, n in zip(train.inputs, train.lengths, strict=True)])
        (input_mean, input_scale), (target_mean, target_scale) = map(
            standard if self.config.standardise else _as_it_is, (steps, train.targets)
        )
        self.facts = {
            "features": data.features,
            "outputs": data.outputs,
            "flat": flat,
            "input_mean": input_mean,
            "input_scale": input_scale,
            "target_mean": target_mean,
            "target_scale": target_scale,
        }
        if folder is not None:
            parts: Any = dict(zip(PARTS, split, strict=True))
            np.savez(folder / _DATA, x=data.inputs, y=data.targets, lengths=data.lengths, **parts)

    def reopen(self, folder: Path) -> None:
        """Reads the sequences and their split again."""
        from elman.data.read.npz import read_arrays
        from elman.data.sequences import sequences_from_arrays
        from elman.data.split import PARTS

        path = folder / _DATA
        check_regular(path)
        arrays = read_arrays(path)
        missing = {"x", "y", "lengths", *PARTS} - arrays.keys()
        if missing:
            raise InputError(f"{path}: has no array {min(missing)!r}")
        self._data = sequences_from_arrays(arrays["x"], arrays["y"], arrays["lengths"], f"{path}: x")
        self._split = tuple(arrays[part] for part in PARTS)
        rows = np.concatenate(self._split, axis=None)
        if rows.dtype.kind != "i" or sorted(rows.tolist()) != list(range(len(self._data))):
            raise InputError(f"{path}: {', '.join(PARTS)} must share out all {len(self._data)} sequences")
        for kind, found in (("features", self._data.features), ("outputs", self._data.outputs)):
            if len(found) != len(self.facts[kind]):
                raise InputError(f"{path}: must have {len(self.facts[kind])} {kind}. Got {len(found)}.")

    def parts(self) -> Parts:
        """Batches of the standardised sequences."""
        training, validation, test = self._split

        def batches(rows: np.ndarray, seed: int | None) -> Any:
            return self._batches(self._data.rows(rows), seed) if len(rows) else None

        return Parts(batches(training, self.config.seed), batches(validation, None), batches(test, None))

    def _batches(self, data: "Sequences", seed: int | None) -> "Examples":
        import torch

        from elman.data.batches.examples import Examples

        # in float64, since float32 holds no deviation beside a large mean
        x = (data.inputs - self._fact("input_mean")) / self._fact("input_scale")
        targets = (
            data.targets if data.targets is not None else np.zeros((len(data), len(self.facts["outputs"])))
        )
        y = (targets - self._fact("target_mean")) / self._fact("target_scale")
        ragged = bool((data.lengths < data.inputs.shape[1]).any())
        return Examples(
            torch.from_numpy(x.astype(np.float32)),
            torch.from_numpy(y.astype(np.float32)),
            torch.from_numpy(data.lengths) if ragged else None,
            batch_size=self.config.batch_size,
            seed=seed,
        )

    def _fact(self, name: str) -> np.ndarray:
        return np.asarray(self.facts[name], dtype=np.float64)

    def build(self) -> "Pooled":
        """Layer, last state, linear output."""
        from elman.heads.squared_error import SquaredError
        from elman.models.pooled import Pooled

        layer = self.layer(len(self.facts["features"]), bidirectional=self.config.bidirectional)
        head = SquaredError(layer.output_size, len(self.facts["outputs"]))
        return Pooled(layer, head, self.config.dropout)

    def reading(self) -> "Reading":
        """Mean squared error, in the standardised unit."""
        from elman.train.loop import Reading

        return Reading("squared error", 1.0, "sequences")

    def _predict(self, data: "Sequences") -> np.ndarray:
        import torch

        from elman.batch import to_device

        if data.inputs.shape[2] != len(self.facts["features"]):
            raise InputError(
                f"X must have {len(self.facts['features'])} features. Got {data.inputs.shape[2]}."
            )
        device = next(self.model.parameters()).device
        batches = (to_device(batch.inputs, device) for batch in self._batches(data, None).epoch())
        with torch.inference_mode():
            values = torch.cat([self.model.predict(inputs) for inputs in batches]).cpu()
        return values.numpy() * self._fact("target_scale") + self._fact("target_mean")

    def measure(self, parts: Parts) -> dict[str, Any]:
        """Errors on the test part beside the mean's and those of least squares on mean and last step."""
        training, _, test = (self._data.rows(rows) for rows in self._split)
        if not len(test):
            return {}
        assert training.targets is not None
        mean = np.broadcast_to(training.targets.mean(0), (len(test), training.targets.shape[1]))
        return {
            "test": _errors(test, self._predict(test)),
            "baselines": {
                "mean": _errors(test, mean),
                "linear regression": _errors(test, _linear(training, test)),
            },
        }

    def evaluate(
        self, data: Paths | None = None, *, X: Any = None, y: Any = None, lengths: Any = None
    ) -> dict[str, Any]:
        """Errors on another file, or on the sequences X and their targets y, which are as for ``fit``."""
        in_memory = any(each is not None for each in (X, y, lengths))
        if in_memory != (data is None):
            raise InputError(f"evaluate takes a file, or X and y. Got {'both' if in_memory else 'neither'}.")
        sequences = (
            self._from_memory(X, y, lengths) if data is None else self._other_sequences(as_paths(data))
        )
        return _errors(sequences, self._predict(sequences))

    def other_batches(self, data: list[Path]) -> "Examples":
        """Batches of another file."""
        return self._batches(self._other_sequences(data), None)

    def _other_sequences(self, data: list[Path]) -> "Sequences":
        if len(data) != 1:
            raise InputError(f"regression reads one file. Got {len(data)}.")
        return self._read_alike(data[0], with_target=True)

    def as_sample(self, batch: Any) -> Sample:
        """The features by name."""
        return Sample(batch, features=tuple(self.facts["features"]))

    def report(self) -> str:
        """The test errors beside the simple methods'."""
        if "test" not in self.results:
            return "trained on all sequences; no test part"
        rows = {**self.results["baselines"], "this model": self.results["test"]}
        width = max(map(len, rows))
        lines = [f"{'on the test part':<{width}}  root mean squared error  mean absolute error"]
        lines += [f"{name:<{width}}  {row['rmse']:23.5g}  {row['mae']:19.5g}" for name, row in rows.items()]
        return "\n".join(lines)

    def check_facts(self, source: str) -> None:
        """Names and scales of features and outputs; whether a prediction is one number."""
        from elman.data.scale import check_scale

        if type(self.facts.get("flat")) is not bool:
            raise InputError(f"{source}: facts: flat must be true or false")
        for kind, sizes in (("features", "input"), ("outputs", "target")):
            names: Any = self.facts.get(kind)
            ok = (
                isinstance(names, list)
                and 1 <= len(names) <= 10**5
                and all(isinstance(n, str) for n in names)
            )
            if not ok:
                raise InputError(f"{source}: facts: {kind} must be a list of names")
            for key in (f"{sizes}_mean", f"{sizes}_scale"):
                check_scale(self.facts, key, len(names), source)
        if self.facts["flat"] and len(self.facts["outputs"]) != 1:
            raise InputError(f"{source}: facts: flat must be false where there are several outputs")


def _as_it_is(values: np.ndarray) -> tuple[list[float], list[float]]:
    return [0.0] * values.shape[1], [1.0] * values.shape[1]


def _linear(training: "Sequences", test: "Sequences") -> np.ndarray:
    """Least squares on the mean and the last step of each sequence, fitted on the training part."""

    def design(data: "Sequences") -> np.ndarray:
        last = data.inputs[np.arange(len(data)), data.lengths - 1]
        mean = data.inputs.sum(1) / data.lengths[:, None]
        return np.concatenate([last, mean, np.ones((len(data), 1))], axis=1)

    assert training.targets is not None
    weights, *_ = np.linalg.lstsq(design(training), training.targets, rcond=None)
    return design(test) @ weights


def _errors(data: "Sequences", predictions: np.ndarray) -> dict[str, Any]:
    assert data.targets is not None
    error = predictions.astype(np.float64) - data.targets
    return {
        "rmse": float(np.sqrt(np.square(error).mean())),
        "mae": float(np.abs(error).mean()),
        "sequences": len(data),
    }

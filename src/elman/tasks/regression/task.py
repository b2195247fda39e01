"""Regression: real numbers for a whole numeric sequence."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from elman.data.read.arrays import array, check_weights
from elman.data.sequences import Sequences, sequences_from_arrays
from elman.errors import InputError
from elman.heads.squared_error import SquaredError
from elman.models.pooled import Pooled
from elman.models.pooling import Pooling
from elman.tasks.regression.answers import RegressionAnswers
from elman.tasks.regression.data import RegressionData, RegressionFacts
from elman.tasks.regression.options import RegressionConfig
from elman.tasks.shared.data import Parts
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.steps import steps_of
from elman.tasks.shared.task import Task
from elman.train.loop import LossUnit


class SequenceRegressor(Task):
    """Predicts numbers from sequences, like scikit-learn: ``fit(X, y)``, ``predict(X)``, ``score(X, y)``.

    Recurrent layer → pooling over time → linear output; mean squared error. The predictions of ridge
    regressions on MiniRocket's features and on summaries of each column are added; ``rocket="none"`` leaves
    them out.

    Args:
        **options: fields of ``RegressionConfig`` (``elman train regression --help`` explains them).

    Shapes:
        X [N, T, I] or [N, T], y [N] or [N, O] → predictions like y

    Raises:
        InputError: an option out of its range.
    """

    Config = RegressionConfig
    Facts = RegressionFacts
    Data = RegressionData
    Answers = RegressionAnswers

    model: Pooled

    def fit(
        self,
        X: Any,
        y: Any,
        lengths: Any = None,
        *,
        sample_weight: Any = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all sequences; ``split`` applies to files only.

        Args:
            X: [N, T, I], or [N, T] for one feature.
            y: [N] or [N, O].
            lengths: [N] number of steps of each sequence; None: all T.
            sample_weight: [N] weight of each sequence in the loss; None: all equal.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces an existing run folder.
            show_progress: shows a progress bar on standard error.

        Raises:
            InputError: shapes do not match, a value is not finite, or a weight is negative.
        """
        if y is None:
            raise InputError("y: targets are needed to fit")
        sequences = sequences_from_arrays(X, y, lengths)
        if sample_weight is not None:
            sequences = replace(sequences, weights=check_weights(sample_weight, len(sequences)))
        flat = array(y, "y").ndim == 1
        all_train = np.arange(len(sequences)), np.arange(0), np.arange(0)
        return self._fit(
            lambda folder: RegressionData.of(
                self.config, sequences, all_train, folder, flat=flat, named=self.named
            ),
            out,
            overwrite,
            show_progress,
        )

    def _measure(self, parts: Parts, show_progress: bool) -> dict[str, Any]:
        """Adds the wide part, then measures the model."""
        wide, found = self.answers.learn_wide(self.data)
        self.facts = replace(self.facts, wide=wide)
        results = super()._measure(parts, show_progress)
        return results | ({"rocket": found} if found else {})

    def predict(self, X: Any, lengths: Any = None) -> np.ndarray:
        """Returns predictions [N] or [N, O], in the shape and unit of y."""
        values: np.ndarray = self.answers.predict(sequences_from_arrays(X, None, lengths))
        return values[:, 0] if self.facts.flat else values

    def predict_file(self, path: str | Path) -> tuple[list[str], np.ndarray]:
        """Returns the names of a file's sequences and predictions [N, O] for them."""
        answers = self.answers
        sequences = answers.read(Path(path), with_target=False)
        return sequences.ids, answers.predict(sequences)

    def score(self, X: Any, y: Any, lengths: Any = None, sample_weight: Any = None) -> float:
        """Returns R², the explained share of the targets' variance (1 is best; the mean scores 0).

        For constant targets it is 1 if every prediction is right, else 0.

        Args:
            X: as for ``fit``.
            y: as for ``fit``.
            lengths: as for ``fit``.
            sample_weight: [N] weight of each sequence; None: all equal.
        """
        sequences = self._labelled(X, y, lengths)
        if sample_weight is not None:
            sequences = replace(sequences, weights=check_weights(sample_weight, len(sequences)))
        score: float = self.answers.score(sequences)
        return score

    def evaluate(
        self, data: Paths | None = None, *, X: Any = None, y: Any = None, lengths: Any = None
    ) -> dict[str, Any]:
        """Returns the errors on another file, or on sequences X with targets y, as for ``fit``."""
        in_memory = any(part is not None for part in (X, y, lengths))
        check_one_source(data is not None, in_memory, "X and y")
        if data is not None:
            return self.answers.evaluate(as_paths(data))
        return self.answers.figures(self._labelled(X, y, lengths))

    def _labelled(self, X: Any, y: Any, lengths: Any) -> Sequences:
        """Returns sequences with the model's number of targets."""
        self._fitted()
        if y is None:
            raise InputError("y: targets are needed")
        sequences = sequences_from_arrays(X, y, lengths)
        expected = len(self.facts.outputs)
        if len(sequences.outputs) != expected:
            raise InputError(f"y must have {expected} outputs. Got {len(sequences.outputs)}.")
        return sequences

    def build(self) -> Pooled:
        """Returns the model: layer, pooling, linear output."""
        config = self.config
        inputs = steps_of(config).width(len(self.facts.features))
        layer = self.layer(inputs, bidirectional=config.bidirectional)
        pooling = Pooling(layer, config.pooling)
        head = SquaredError(pooling.features, len(self.facts.outputs))
        return Pooled(layer, head, config.dropout, pooling)

    def loss_unit(self) -> LossUnit:
        """Shows the mean squared error of standardised targets."""
        return LossUnit("squared error", 1.0, "sequences")

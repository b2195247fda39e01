"""Options of the task regression and of its verb."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from elman.config import Argument
from elman.tasks.shared.options import (
    ABSENT,
    ColumnOptions,
    SequenceOptions,
    Sized,
    StartOptions,
    Verb,
)


@dataclass(frozen=True, kw_only=True)
class Predict(Verb):
    """Prints a prediction for every sequence in a file, as CSV."""

    data: Annotated[Path, Argument(positional=True, metavar="FILE")]
    """.csv or .parquet with the training table's features, .npz with an array x, or .ts"""

    example: ClassVar[str] = "elman predict runs/regression new.csv"

    def text(self, task: Any) -> Iterator[str]:
        """Yields the names of the columns, then one line for each sequence."""
        yield from task.answers.lines(*task.predict_file(self.data))

    def json(self, task: Any) -> dict[str, Any]:
        """Returns the predictions by sequence."""
        ids, values = task.predict_file(self.data)
        predictions = dict(zip(ids, values.tolist(), strict=True))
        return {"outputs": list(task.facts.outputs), "predictions": predictions}


@dataclass(frozen=True, kw_only=True)
class RegressionConfig(StartOptions, ColumnOptions, SequenceOptions):
    """Trains a model that predicts numbers from whole numeric sequences.

    Reads a table with one row for each step (.csv, .parquet), arrays x, y (.npz) or a .ts file.
    """

    verb = Predict
    reads = "table or .npz file to train on; see above"
    example = "elman train regression table.csv --out runs/regression --epochs 30"
    rank = 50
    estimator = "regressor"
    of_the_run = (
        *StartOptions.of_the_run,
        "bidirectional",
        "pooling",
        "standardise",
        "centre",
        "differences",
        "frame",
    )
    of_old_runs = {"rocket": "none", "pooling": "last", **SequenceOptions.steps_of_old_runs}
    sized = ("hidden_size", "dropout", "batch_size", "epochs", "learning_rate", "frame")
    groups = {
        "": ("rocket", "pretrained"),
        "training": ("augment",),
        "numbers": ("centre", "differences", "frame"),
        "model": ("bidirectional", "pooling"),
        "columns of the data": (
            "target_column",
            "id_column",
            "time_column",
            "columns",
            "ignore_columns",
            "standardise",
        ),
        "parts of the data": ("split",),
    }

    rocket: Literal["auto", "none"] = "auto"
    """MiniRocket's features and summaries of each column beside the network, whose predictions are added;
    none: the network alone. auto: these, of up to 100 million steps"""
    hidden_size: Sized[int] = ABSENT
    """units of each layer, in each direction; if absent, 64"""
    dropout: Sized[float] = ABSENT
    """dropout probability between layers, and before and after them; if absent, 0.3"""
    batch_size: Sized[int] = ABSENT
    """rows in a batch; if absent, 8 to 32: fewer for fewer sequences, so that the few have many steps"""
    epochs: Sized[int] = ABSENT
    """passes over the training part; if absent, 5 to 60: more for fewer steps"""
    learning_rate: Sized[float] = ABSENT
    """highest learning rate; if absent, 0.003"""
    bidirectional: bool = True
    """read each sequence in both directions"""
    pooling: Literal["last", "max", "mean", "attention", "concat"] = "concat"
    """how the outputs of all steps become one vector; concat: last, max and mean, concatenated"""
    standardise: bool = True
    """scale features and targets to mean 0 and variance 1, as measured on the training part"""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """shares of training, validation and test part, drawn at random"""
    id_column: str = "unique_id"
    """column that names the sequence of each row; if the table has no such column, found from the table"""
    time_column: str = "ds"
    """column that orders the rows of a sequence, if the table has it; otherwise rows are in order"""
    target_column: str = "y"
    """column to predict; it has the same value in every row of a sequence. If the table has no such column,
    found from the table"""

"""Small forecasters of monthly sales."""

import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tiny import SMALL, sales

from elman.tasks.forecasting.task import Forecaster

OPTIONS: dict[str, Any] = SMALL | {
    "model": "direct",
    "horizon": 4,
    "width": 4,
    "moments": 3,
    "paths": 20,
    "windows_per_epoch": 8,
}
COVARIATES = {"known_future": ("price",), "past": ("weather",), "static": ("shop",)}
MODELS = ("direct", "recursive", "es-rnn")
each_model = pytest.mark.parametrize("model", MODELS)
INTERVALS = ["elman-lo-80", "elman-hi-80", "elman-lo-95", "elman-hi-95"]


def frame(content: str | None = None) -> pl.DataFrame:
    """Sales with dates, no future rows."""
    table = pl.read_csv(io.StringIO(content or sales(future=0)))
    return table.with_columns(pl.col("ds").str.to_date())


def fitted(df: Any = None, **options: Any) -> Forecaster:
    return Forecaster(**OPTIONS | options).fit(frame() if df is None else df)


def trained(folder: Path, content: str | None = None, **options: Any) -> Forecaster:
    (folder / "sales.csv").write_text(content or sales(future=0))
    return Forecaster(**OPTIONS | options).train(folder / "sales.csv")

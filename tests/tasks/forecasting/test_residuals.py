"""What a forecaster's errors say to try, on runs made to be wrong."""

import numpy as np
import polars as pl
import pytest

from elman.tasks.forecasting.task import Forecaster

SMALL = {"horizon": 4, "season": (1,), "hidden_size": 8, "epochs": 1, "windows_per_epoch": 16}
STEPS = 60


def made(kind: str) -> pl.DataFrame:
    random = np.random.default_rng(0)
    rows = []
    for number in range(8):
        y = 50 + random.normal(0, 1, STEPS)
        if kind == "season":
            y += np.tile([0.0, 9, 5, 9, 0, -9, -9], STEPS)[:STEPS]
        if kind == "shift":
            y[-4:] += 40
        if kind == "outliers":
            y[10 + number] = 5000
        y = y[: 22 if kind == "short" else None]
        rows.append(pl.DataFrame({"unique_id": f"s{number}", "ds": np.arange(len(y)), "y": y}))
    return pl.concat(rows)


@pytest.mark.parametrize(
    ("kind", "options", "flags", "why"),
    [
        ("season", {}, "--season 7", "100% of the series repeat themselves every 7 steps"),
        ("shift", {}, "--context 6", "100% of the forecasts lie below all that came: the level has shifted"),
        ("outliers", {}, "--clip-at 0.25", "100% of the series have outliers"),
        ("short", {"context": 18}, "--hidden-size 2", "100% of the series are shorter than what the model"),
        ("nothing", {}, None, None),
    ],
)
def test_a_run_made_to_be_wrong_is_told_what_is_wrong(tmp_path, kind, options, flags, why):
    made(kind).write_csv(tmp_path / "made.csv")
    task = Forecaster(**SMALL | options).train(tmp_path / "made.csv")
    tried = task.results["what_to_try"]
    assert len(tried) <= 3
    of_the_data = ("--season", "--context", "--clip-at")
    if flags is None:
        assert not [each for each in tried if each["flags"].startswith(of_the_data)]
        return
    assert tried[0]["flags"] == flags
    assert tried[0]["why"].startswith(why)
    assert f"  {flags}: {why}" in task.report()


def test_the_first_line_says_whether_the_model_is_worth_using(tmp_path):
    made("season").write_csv(tmp_path / "made.csv")
    task = Forecaster(**SMALL).train(tmp_path / "made.csv")
    own = task.results["test"]["mase"]
    best = min(row["mase"] for row in task.results["baselines"].values())
    start = "worth using" if 1.01 * own < best else "as good as" if own <= 1.01 * best else "not worth using"
    assert task.report().startswith(start)
    answers = task.answers
    for factor, first in (
        (0.9, "worth using: ahead"),
        (0.995, "as good as the best"),
        (1.005, "as good as the best"),
        (2, "not worth using"),
    ):
        results = {**task.results, "test": {**task.results["test"], "mase": factor * best}}
        assert answers.report(results).startswith(first)

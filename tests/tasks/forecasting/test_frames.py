"""The forecaster in the manner of Nixtla's libraries: frames in, frames out."""

import polars as pl
import pytest
import torch
from tiny import sales, same_bits, weights
from tiny_forecaster import INTERVALS, OPTIONS, each_model, fitted, frame, trained

import elman
from elman.errors import InputError
from elman.tasks.forecasting.task import Forecaster


@each_model
def test_forecasts_go_on_from_each_series_end(model):
    task = fitted(model=model)
    found = task.predict()
    assert found.columns == ["unique_id", "ds", "elman", *INTERVALS]
    assert found["unique_id"].to_list() == [f"s{k}" for k in range(5) for _ in range(4)]
    ends = frame().group_by("unique_id", maintain_order=True).agg(pl.col("ds").max())["ds"]
    firsts = found.group_by("unique_id", maintain_order=True).agg(pl.col("ds").min())["ds"]
    assert firsts.to_list() == ends.dt.offset_by("1mo").to_list()
    low95, low80, median, high80, high95 = (
        found[name] for name in ("elman-lo-95", "elman-lo-80", "elman", "elman-hi-80", "elman-hi-95")
    )
    for below, above in ((low95, low80), (low80, median), (median, high80), (high80, high95)):
        assert (below <= above).all()
    assert task.predict(levels=(50,)).columns == ["unique_id", "ds", "elman", "elman-lo-50", "elman-hi-50"]
    first = found.filter(pl.int_range(pl.len()).over("unique_id") < 2)
    assert task.predict(h=2).equals(first)


def test_pandas_in_pandas_out():
    pd = pytest.importorskip("pandas")
    table = frame()
    pandas = pd.DataFrame({name: table[name].to_numpy() for name in table.columns})
    pandas.loc[3, "y"] = None
    polars = table.with_columns(y=pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise(pl.col("y")))
    ours, theirs = fitted(polars), fitted(pandas)
    assert same_bits(weights(ours.model), weights(theirs.model))
    assert theirs.predict().equals(theirs.predict(pandas))
    pd.testing.assert_frame_equal(
        theirs.predict(levels=()).merge(pandas, on=["unique_id", "ds"], how="left")[["ds"]],
        theirs.predict()[["ds"]],
    )
    assert theirs.predict(pandas)["elman"].to_list() == ours.predict(polars)["elman"].to_list()
    assert str(theirs.predict(pandas)["ds"].iloc[0])[:10] == str(ours.predict(polars)["ds"][0])


def test_periods_and_offsets_of_pandas_come_back():
    pd = pytest.importorskip("pandas")
    for times in (
        pd.period_range("2015-01", periods=40, freq="M"),
        pd.date_range("2024-01-01", periods=40, freq="h", tz="-02:30"),
    ):
        df = pd.DataFrame({"when": times, "load": [float(k % 7) for k in range(40)]})
        task = fitted(df.head(36))
        assert task.predict()["when"].tolist() == times[36:].tolist()
        assert set(Forecaster(**OPTIONS).cross_validation(df)["cutoff"]) == {times[35]}


def test_cross_validation_forecasts_from_every_cutoff_with_a_model_that_saw_none_of_it():
    table = frame()
    task = Forecaster(**OPTIONS)
    found = task.cross_validation(table, n_windows=3, step_size=2, h=4)
    assert found.columns == ["unique_id", "ds", "cutoff", "y", "elman", *INTERVALS]
    assert len(found) == 5 * 3 * 4
    first = found.filter(pl.col("unique_id") == "s0")
    last = table.filter(pl.col("unique_id") == "s0")["ds"].max()
    assert first["ds"].max() == last
    cutoffs = first["cutoff"].unique(maintain_order=True)
    assert cutoffs.to_list() == [pl.Series([last]).dt.offset_by(f"-{k}mo")[0] for k in (8, 6, 4)]
    joined = found.join(table, on=["unique_id", "ds"], how="left")
    assert (joined["y"] == joined["y_right"]).all()
    assert (first["ds"] > first["cutoff"]).all()
    # what comes after the first cutoff does not move the first forecast
    late = pl.col("ds") > pl.col("ds").max().dt.offset_by("-8mo").over("unique_id")
    other = Forecaster(**OPTIONS)
    moved = other.cross_validation(
        table.with_columns(y=pl.when(late).then(999.0).otherwise(pl.col("y"))), n_windows=3, step_size=2, h=4
    )
    early = pl.col("cutoff") == pl.col("cutoff").min().over("unique_id")
    assert moved.filter(early)["elman"].equals(found.filter(early)["elman"])
    assert not moved.filter(~early)["elman"].equals(found.filter(~early)["elman"])
    assert task.model is None
    assert task.get_params() == Forecaster(**OPTIONS).get_params()


def test_cross_validation_of_a_pandas_frame_with_times_in_two_columns():
    pd = pytest.importorskip("pandas")
    times = [(2019 + k // 4, k % 4 + 1) for k in range(24)]
    df = pd.DataFrame(
        {"year": [y for y, _ in times], "quarter": [q for _, q in times], "births": range(90, 114)}
    )
    table = Forecaster(**{**OPTIONS, "horizon": 2}).cross_validation(df, 2)
    assert table["ds"].tolist() == ["2024Q1", "2024Q2", "2024Q3", "2024Q4"]
    assert table["cutoff"].tolist() == ["2023Q4", "2023Q4", "2024Q2", "2024Q2"]


def test_cross_validation_steps_by_the_option_and_names_series_that_are_too_short():
    task = Forecaster(**OPTIONS | {"step": 3})
    short = frame().filter((pl.col("unique_id") != "s1") | (pl.int_range(pl.len()).over("unique_id") < 10))
    with pytest.warns(UserWarning, match=r"1 of 5 series .* 3 forecasts of 4 steps, 3 apart.* 's1' with 2"):
        found = task.cross_validation(short, n_windows=3, levels=80)
    cutoffs = found.group_by("unique_id").agg(pl.col("cutoff").n_unique())
    assert dict(cutoffs.rows()) == {"s0": 3, "s1": 2, "s2": 3, "s3": 3, "s4": 3}
    with pytest.raises(InputError, match="at least one series must be longer than 48 steps"):
        task.cross_validation(frame(), h=47)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_windows": 0}, r"^n_windows must be an int in \[1, 1e5\]. Got 0."),
        ({"step_size": 1.5}, r"^step_size must be an int. Got 1.5."),
        ({"h": True}, r"^h must be an int. Got True."),
        ({"levels": None}, r"^levels: a level must be a finite number. Got None."),
    ],
    ids=str,
)
def test_bad_arguments_of_cross_validation_are_named_and_change_no_option(arguments, message):
    task = Forecaster(**OPTIONS)
    with pytest.raises(InputError, match=message):
        task.cross_validation(frame(), **arguments)
    assert task.get_params() == Forecaster(**OPTIONS).get_params()


def test_fitting_changes_no_option_and_leaves_no_test_part(tmp_path):
    task = Forecaster(**OPTIONS).fit(frame(), out=tmp_path / "run")
    assert task.get_params() == Forecaster(**OPTIONS).get_params()
    assert "test" not in task.results
    again = elman.load(tmp_path / "run")
    assert again.facts.test_windows == 0
    assert again.get_params() == task.get_params()
    assert again.predict().equals(task.predict())


def test_types_of_ids_and_times_come_back(tmp_path):
    midnights = frame().with_columns(
        pl.col("unique_id").str.slice(1).cast(int), pl.col("ds").cast(pl.Datetime)
    )
    task = fitted(midnights)
    task.save(tmp_path / "run")
    for found in (task.predict(), elman.load(tmp_path / "run").predict()):
        assert found.schema["unique_id"] == pl.Int64
        assert found.schema["ds"] == midnights.schema["ds"]
    found = Forecaster(**OPTIONS).cross_validation(midnights)
    assert found.schema["cutoff"] == midnights.schema["ds"]
    assert len(found.join(midnights, on=["unique_id", "ds"])) == len(found)


def test_a_frame_is_evaluated_as_its_file(tmp_path):
    task = trained(tmp_path)
    assert task.evaluate(df=frame()) == task.evaluate(tmp_path / "sales.csv")
    for given in ({}, {"data": tmp_path / "sales.csv", "df": frame()}):
        with pytest.raises(InputError, match=r"give either data \(files\) or df. Got (both|neither)."):
            task.evaluate(**given)


def test_new_series_are_forecast_too():
    task = fitted(model="es-rnn")
    found = task.predict(
        frame(sales(2, seed=5, future=0)).with_columns(unique_id="new " + pl.col("unique_id"))
    )
    assert found["unique_id"].to_list() == ["new s0"] * 4 + ["new s1"] * 4
    assert found["elman"].is_finite().all()


def test_forecasts_leave_the_callers_random_numbers_alone():
    task = fitted(model="recursive")
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    first = task.predict()
    assert torch.equal(torch.rand(3), wanted)
    assert task.predict().equals(first)

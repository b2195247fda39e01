"""The forecaster in the manner of Nixtla's libraries, and on files."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tiny import SMALL, interrupt_at, sales, same_bits, weights

import elman
from elman.cli import main
from elman.errors import InputError, Interrupted
from elman.tasks.forecasting import Forecaster
from elman.train.loop import Loop

OPTIONS: dict[str, Any] = SMALL | {
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


# In the manner of Nixtla's libraries


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
    with pytest.raises(InputError, match=r"df must be a DataFrame of polars or pandas. Got list."):
        fitted([1, 2])


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


def test_cross_validation_steps_by_the_option_and_names_series_that_are_too_short():
    task = Forecaster(**OPTIONS | {"step": 3})
    short = frame().filter((pl.col("unique_id") != "s1") | (pl.int_range(pl.len()).over("unique_id") < 10))
    with pytest.warns(UserWarning, match=r"1 of 5 series .* 3 forecasts of 4 steps, 3 apart.* 's1' with 2"):
        found = task.cross_validation(short, n_windows=3, levels=80)
    cutoffs = found.group_by("unique_id").agg(pl.col("cutoff").n_unique())
    assert dict(cutoffs.rows()) == {"s0": 3, "s1": 2, "s2": 3, "s3": 3, "s4": 3}
    with pytest.raises(InputError, match="no series is longer than 48 steps"):
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
    assert again.scheme.test_windows == 0
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


@pytest.mark.parametrize("distribution", ["student-t", "negative-binomial"])
def test_a_recursive_forecast_does_not_depend_on_the_other_series(distribution):
    table = frame().with_columns(pl.col("y").round() + 1)
    task = fitted(table, model="recursive", distribution=distribution)
    alone = task.predict(table.filter(pl.col("unique_id") == "s2"))
    among = task.predict(table).filter(pl.col("unique_id") == "s2")
    np.testing.assert_allclose(among["elman-lo-80"], alone["elman-lo-80"], rtol=1e-4)


def test_a_frame_is_evaluated_as_its_file(tmp_path):
    task = trained(tmp_path)
    assert task.evaluate(df=frame()) == task.evaluate(tmp_path / "sales.csv")
    for given in ({}, {"data": tmp_path / "sales.csv", "df": frame()}):
        with pytest.raises(InputError, match=r"evaluate reads files or a df. Got (both|neither)."):
            task.evaluate(**given)


@each_model
def test_every_input_of_the_first_layer_has_a_name(model, tmp_path):
    task = trained(tmp_path, sales(), model=model, **COVARIATES)
    names = task.sample(tmp_path / "sales.csv").features
    assert len(names) == task.model.members[0].layer.input_size
    assert {"y is there", "y, 1 before, is there"} & set(names)
    assert names[-1] == f"weather {task.config.embedding_size}"


@each_model
def test_changing_the_future_moves_no_forecast(tmp_path, model):
    """Scales, categories and weights come from before the test part, and forecasts from before a cutoff."""
    content = sales(future=0)
    options = COVARIATES | {"known_future": (), "model": model}
    table = frame(content)
    late = pl.int_range(pl.len()).over("unique_id") >= pl.len().over("unique_id") - 4
    changed = table.with_columns(
        y=pl.when(late).then(pl.col("y") * 50 + 1).otherwise(pl.col("y")),
        weather=pl.when(late).then(pl.lit("storm")).otherwise(pl.col("weather")),
    )
    one, other = trained(tmp_path, content, **options), trained(tmp_path, changed.write_csv(), **options)
    assert one.facts == other.facts
    assert same_bits(weights(one.model), weights(other.model))
    first, second = (
        task._table(task.series, *task._division.test(task.series.lengths), 4, (80,)) for task in (one, other)
    )
    assert first.equals(second)
    assert one.results["test"] != other.results["test"]


@each_model
def test_it_learns_a_season_better_than_the_last_value(model, tmp_path):
    options = {
        "hidden_size": 16,
        "epochs": 8,
        "windows_per_epoch": 64,
        "learning_rate": 0.02,
        "batch_size": 16,
    }
    task = trained(tmp_path, model=model, season=(12,), **options)
    assert task.results["test"]["smape"] < 0.6 * task.results["baselines"]["naive"]["smape"]


@pytest.mark.parametrize("distribution", ["normal", "student-t", "negative-binomial", "quantile"])
@each_model
def test_every_distribution_with_every_model(model, distribution):
    table = frame().with_columns(pl.col("y").round() + 1)
    if model == "es-rnn" and distribution == "negative-binomial":
        with pytest.raises(InputError, match="--distribution must be another for es-rnn"):
            fitted(table, model=model, distribution=distribution)
        return
    found = fitted(table, model=model, distribution=distribution).predict()
    assert found["elman"].is_finite().all()
    if distribution == "negative-binomial":
        assert (found["elman-lo-95"] >= 0).all()


def test_the_scale_of_a_series_does_not_matter():
    big = frame().with_columns(y=pl.col("y") * 1e6)
    for options in ({"scaling": "mean"}, {"scaling": "standard"}, {"model": "es-rnn"}):
        one, other = fitted(**options), fitted(big, **options)
        np.testing.assert_allclose(other.predict()["elman"] / 1e6, one.predict()["elman"], rtol=2e-3)


def test_a_shifted_series_is_forecast_alike_under_standard_scaling():
    up = frame().with_columns(y=pl.col("y") - 500)
    one, other = fitted(scaling="standard"), fitted(up, scaling="standard")
    np.testing.assert_allclose(other.predict()["elman"] + 500, one.predict()["elman"], atol=0.05)


def test_intervals_are_stretched_by_the_validation_part(tmp_path):
    (tmp_path / "sales.csv").write_text(sales(30, future=0))
    options = OPTIONS | {"validation_windows": 2, "epochs": 1, "windows_per_epoch": 40}
    task = Forecaster(**options).train(tmp_path / "sales.csv", tmp_path / "run")
    assert (task.model.stretch != 1).all()
    validation = task._division.validation(task.series.lengths)
    table = task._table(task.series, *validation, 4, (80, 95), with_actual=True)
    for level in (80, 95):
        inside = table["y"].is_between(table[f"elman-lo-{level}"], table[f"elman-hi-{level}"])
        assert inside.mean() == pytest.approx(level / 100, abs=0.02)
    assert torch.equal(elman.load(tmp_path / "run").model.stretch, task.model.stretch)
    plain = Forecaster(**options | {"validation_windows": 0}).train(tmp_path / "sales.csv")
    assert plain.model.stretch.tolist() == [1, 1]


def test_new_series_are_forecast_too():
    task = fitted(model="es-rnn")
    found = task.predict(
        frame(sales(2, seed=5, future=0)).with_columns(unique_id="new " + pl.col("unique_id"))
    )
    assert found["unique_id"].to_list() == ["new s0"] * 4 + ["new s1"] * 4
    assert found["elman"].is_finite().all()


def test_missing_values_and_gaps_are_neither_targets_nor_inputs():
    table = frame()
    gap = pl.int_range(pl.len()).over("unique_id").is_in([10, 11, 30])
    empty = table.with_columns(y=pl.when(gap).then(None).otherwise(pl.col("y")))
    with pytest.warns(UserWarning, match="steps without a row count as missing values"):
        absent = fitted(table.filter(~gap), freq="MS")
    assert same_bits(weights(fitted(empty).model), weights(absent.model))
    with pytest.warns(UserWarning, match="steps without a row"):
        again = absent.predict(table.filter(~gap))
    assert again.equals(absent.predict(empty))


def test_an_ensembles_members_differ_and_its_forecast_is_between():
    task = fitted(ensemble=3)
    alone = [weights(member) for member in task.model.members]
    assert not same_bits(alone[0], alone[1])
    assert task.predict()["elman"].is_finite().all()


# Known ahead


def test_what_is_known_ahead_moves_the_forecast_and_must_be_given(tmp_path):
    task = trained(tmp_path, sales(), epochs=4, learning_rate=0.05, **COVARIATES)
    ahead = pl.read_csv(io.StringIO(sales()))
    dear = ahead.with_columns(price=pl.when(pl.col("y").is_null()).then(9).otherwise(pl.col("price")))
    assert not task.predict(ahead, h=3)["elman"].equals(task.predict(dear, h=3)["elman"])
    with pytest.raises(
        InputError, match=r"unique_id 's0', ds 2019-04-01: column 'price' is known ahead and must be given"
    ):
        task.predict(ahead)  # the table goes on for three months, the horizon is four
    with pytest.raises(InputError, match="has no column 'price'"):
        task.predict(ahead.drop("price"))


def test_only_recursive_models_go_beyond_their_horizon():
    assert len(fitted(model="recursive").predict(h=9)) == 45
    with pytest.raises(InputError, match=r"^h must be at most the 4 steps trained. Got 9."):
        fitted().predict(h=9)


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 0}, r"--horizon must be an int in \[1, 1e6\]"),
        ({"season": (12, 7)}, r"--season must be ascending ints"),
        ({"season": (0,)}, r"--season must be ascending ints"),
        ({"lags": (1, 1)}, r"--lags must be ascending ints"),
        ({"test_windows": -1}, r"--test-windows must be"),
        ({"freq": "moon"}, r"--freq must be"),
        ({"freq": "3"}, r"--freq must be a unit of time where ds are dates"),
        ({"freq": "W"}, r"row 2: unique_id 's0': ds 2015-02-01 must be a whole number of steps"),
        ({"target_column": "elman"}, r"--target-column must be no name of the forecasts' own columns"),
        ({"id_column": "cutoff"}, r"--id-column must be no name of"),
        ({"horizon": 60}, r"no series is long enough: the longest has 48 steps"),
        ({"known_future": ("prize",)}, r"has no column 'prize'; columns: unique_id, ds, y, price"),
        ({"static": ("price",)}, r"row 2: unique_id 's0': price must be the same in all of its rows. Got"),
        (
            {"distribution": "negative-binomial"},
            r"y must be a count for --distribution negative-binomial. Got",
        ),
        ({"distribution": "negative-binomial", "scaling": "standard"}, r"--scaling must be mean for counts"),
    ],
    ids=str,
)
def test_bad_options_end_in_one_line(options, message):
    with pytest.raises(InputError, match=message) as error:
        fitted(**options)
    assert "\n" not in str(error.value)


def test_a_target_that_a_model_cannot_have_is_named():
    table = frame().with_columns(y=pl.when(pl.int_range(pl.len()) == 60).then(-1.5).otherwise(pl.col("y")))
    message = r"unique_id 's1', ds 2016-01-01: y must be positive for --model es-rnn \(.*\). Got -1.5."
    with pytest.raises(InputError, match=message):
        fitted(table, model="es-rnn")
    with pytest.raises(InputError, match=message):
        fitted(model="es-rnn").predict(table)
    assert fitted(table).predict()["elman"].is_finite().all()


def test_levels_beyond_what_is_known_are_refused():
    task = fitted()
    with pytest.raises(InputError, match=r"intervals are known up to 95%, .* Got one of 99%."):
        task.predict(levels=(99,))
    for levels, message in (
        ((100,), r"levels must be whole per cent in \(0, 100\). Got 100."),
        ([0.8, 0.95], r"levels must be per cent: 80, not 0.8. Got 0.8."),
        ([80, 80], r"levels must be different levels. Got \[80, 80\]."),
        ("80", r"levels: a level must be a finite number. Got '80'."),
        (["80"], r"levels: a level must be a finite number. Got '80'."),
    ):
        with pytest.raises(InputError, match=message):
            task.predict(levels=levels)
    assert task.predict(levels=np.array([80.0])).equals(task.predict(levels=80))


# On files


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with covariates of each kind, by command."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "sales.csv").write_text(sales())
    flags = (
        "--horizon 3 --model es-rnn --known-future price --past weather --static shop --epochs 1 --width 4"
    )
    small = "--hidden-size 6 --windows-per-epoch 8 --batch-size 4"
    assert (
        main(
            [
                "train",
                "forecasting",
                str(folder / "sales.csv"),
                "--out",
                str(folder / "run"),
                *flags.split(),
                *small.split(),
            ]
        )
        == 0
    )
    return folder / "run"


def test_a_picture_of_another_kind_is_refused(run, tmp_path, capsys):
    assert main(["forecast", str(run), "--plot", str(tmp_path / "fan.txt")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("elman: --plot must be a file ending in .png, .svg, .pdf")
    assert not list(tmp_path.iterdir())
    assert main(["forecast", str(run), "--plot", str(tmp_path / "none" / "fan.png")]) == 2
    said = capsys.readouterr()
    assert "--plot must be a file in a folder that exists. Got" in said.err
    assert not said.out


def test_the_command_prints_a_table_and_draws_a_picture(run, tmp_path, capsys):
    assert main(["forecast", str(run), "--levels", "80", "--plot", str(tmp_path / "fan.png")]) == 0
    table = pl.read_csv(io.StringIO(capsys.readouterr().out))
    assert table.columns == ["unique_id", "ds", "elman", "elman-lo-80", "elman-hi-80"]
    assert len(table) == 5 * 3
    assert all(float(f"{value:.6g}") == value for name in table.columns[2:] for value in table[name])
    assert (tmp_path / "fan.png").stat().st_size > 10_000
    assert (run / "forecasts.png").stat().st_size > 10_000
    assert main(["forecast", str(run), str(run.parent / "sales.csv"), "--levels", "80", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(json.dumps(pl.DataFrame(table).to_dict(as_series=False))) or found[
        "elman"
    ] == pytest.approx(table["elman"].to_list(), rel=1e-5)


def test_a_run_can_be_evaluated_on_the_series_it_was_trained_on(run, capsys):
    figures = elman.load(run).evaluate(run.parent / "sales.csv")
    wanted = json.loads((run / "results.json").read_text())["test"]
    assert figures == pytest.approx(wanted)


def test_a_bad_table_writes_nothing(run, tmp_path, capsys):
    (tmp_path / "bad.csv").write_text("unique_id,ds,y\na,2024-01-01,1\na,2024-01-01,2\n")
    assert main(["train", "forecasting", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.strip() == (
        f"elman: {tmp_path / 'bad.csv'}: row 3: unique_id 'a' has ds 2024-01-01 twice"
    )
    assert main(["forecast", str(run), str(tmp_path / "none.csv")]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def edited(folder: Path, **facts: Any) -> None:
    content = json.loads((folder / "config.json").read_text())
    content["facts"] |= facts
    (folder / "config.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "facts",
    [
        {"frequency": "moon"},
        {"frequency": 3},
        {"frequency": "W"},
        {"integers": 0},
        {"integers": True},
        {"horizon": 0},
        {"horizon": 10**9},
        {"horizon": 1.5},
        {"mase_season": None},
        {"context": "9"},
        {"seasons": []},
        {"seasons": [0]},
        {"seasons": [10**9]},
        {"seasons": 12},
        {"series": "s0"},
        {"series": [1]},
        {"covariates": None},
        {"covariates": {"known": [], "past": [], "static": [], "calendar": True}},
    ],
    ids=str,
)
def test_a_folder_with_other_facts_is_refused(run, tmp_path, facts):
    shutil.copytree(run, tmp_path / "run")
    edited(tmp_path / "run", **facts)
    with pytest.raises(InputError) as error:
        elman.load(tmp_path / "run")
    assert str(error.value).startswith(str(tmp_path / "run"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "link", "other"])
def test_a_folder_with_damaged_series_is_refused(run, tmp_path, damage):
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "series.npz"
    content = path.read_bytes()
    path.unlink()
    if damage == "empty":
        path.touch()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "link":
        path.symlink_to(run / "series.npz")
    elif damage == "other":
        with path.open("wb") as file:
            np.savez(file, x=np.zeros(3))
    with pytest.raises(InputError, match=r"series.npz: "):
        elman.load(tmp_path / "run")


def test_forecasts_leave_the_callers_random_numbers_alone():
    task = fitted(model="recursive")
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    first = task.predict()
    assert torch.equal(torch.rand(3), wanted)
    assert task.predict().equals(first)


def test_resuming_gives_the_weights_of_a_run_that_was_not_stopped(tmp_path, monkeypatch):
    (tmp_path / "sales.csv").write_text(sales(future=0))
    whole = Forecaster(**OPTIONS).train(tmp_path / "sales.csv", tmp_path / "whole")
    plain = Loop.__init__
    monkeypatch.setattr(Loop, "__init__", lambda loop, *given: plain(loop, *given[:-1], interrupt_at(3)))
    with pytest.raises(Interrupted):
        Forecaster(**OPTIONS).train(tmp_path / "sales.csv", tmp_path / "stopped")
    monkeypatch.undo()
    resumed = elman.resume(tmp_path / "stopped")
    assert same_bits(weights(resumed.model), weights(whole.model))
    assert resumed.results["test"] == whole.results["test"]

"""The suite of benchmarks/own_data.py, on two tiny made sets."""

import inspect
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the simple methods need scikit-learn")

ROOT = Path(__file__).parents[2]
SETS = """
[sources.made]
side = "report"
[sets.labels]
task = "classification"
source = "made"
reader = "made"
[sets.text]
task = "language-model"
source = "made"
reader = "made"
"""


@pytest.fixture
def own(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from own import prepare, results

    yield prepare, results
    for name in [name for name in sys.modules if name == "own" or name.startswith("own.")]:
        del sys.modules[name]


@pytest.fixture
def suite(tmp_path, own):
    """Prepared sets, and a function that runs the command on them."""
    prepare, _ = own
    draw = random.Random(1)
    words = {"day": ["sun", "light", "noon"], "night": ["moon", "dark", "star"]}
    rows = [(label, f"{draw.choice(words[label])} {k % 7}") for k in range(60) for label in words]
    for name, task in (("labels", "classification"), ("text", "language-model")):
        folder = tmp_path / "build/sets" / name
        folder.mkdir(parents=True)
        if task == "classification":
            sizes = prepare.write_rows(folder, task, prepare.Rows(rows, []))
        else:
            sizes = prepare.write_text(folder, "the sun and the moon. " * 120)
        about = {"set": name, "task": task, "side": "report", **sizes, "sha256": name}
        (folder / "about.json").write_text(json.dumps(about))
    (tmp_path / "sets.toml").write_text(SETS)

    def run(*arguments: str) -> str:
        places = ["--build", tmp_path / "build", "--results", tmp_path / "build/results"]
        places += ["--sets-file", tmp_path / "sets.toml"]
        command = [sys.executable, ROOT / "benchmarks/own_data.py", *places, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run, tmp_path / "build"


@pytest.mark.long
def test_a_table_comes_together_from_runs_that_are_made_one_by_one(suite, own):
    run, build = suite
    run("--sets", "labels", "--methods", "majority")
    path = build / "results/labels.json"
    first = json.loads(path.read_text())
    assert 0.3 < first["runs"]["majority"]["0"]["figure"] < 0.7
    assert first["runs"]["majority"]["0"]["memory"] > 10

    # a continued table keeps what is there: a figure that no run would give stays
    first["runs"]["majority"]["0"]["figure"] = 0.123
    path.write_text(json.dumps(first))
    run("--sets", "labels", "--methods", "majority", "default", "--seeds", "1")
    runs = json.loads(path.read_text())["runs"]
    assert runs["majority"]["0"]["figure"] == 0.123
    assert runs["default"]["0"]["figure"] > 0.9
    assert {"machine", "version"} <= runs["default"]["0"].keys()
    _, results = own
    (loaded,) = results.all_of(path.parent, ["labels"])
    assert loaded["runs"]["default"]["0"]["rows"] == [1.0] * 24
    run("--sets", "labels", "--methods", "network", "--seeds", "1")
    runs = json.loads(path.read_text())["runs"]
    assert runs["network"]["0"]["figure"] == runs["default"]["0"]["more"]["network"]

    # the table needs results alone, and fills its section of a document
    (build / "sets/labels/about.json").unlink()
    document = build / "results.md"
    document.write_text("a\n<!-- own data: written by a benchmark -->\n<!-- end of own data -->\nb\n")
    tables = run("--table", "--write", str(document))
    assert tables.strip() in document.read_text()
    assert "Of 1 sets that only report" in tables
    assert "| labels | report | 96 | 24 | 1.000 ± 0.000 |" in tables


def test_simple_methods_read_prepared_sets(suite):
    from own import simple

    _, build = suite
    assert simple.classified(build / "sets/labels", "words").figure == 1
    letters, pairs = (
        simple.counted(build / "sets/text", method) for method in ("letter-frequency", "witten-bell")
    )
    assert 0 < pairs.figure < 1 < letters.figure
    assert pairs.more["order"] > 2


def test_a_run_that_fails_or_takes_too_long_is_a_result_too(suite):
    run, build = suite
    (build / "sets/labels/train.tsv").write_text("label\ttext\n")
    # results of other files under the same name do not count
    old = {"about": {"set": "labels", "sha256": "old"}, "runs": {"words": {"0": {"figure": 1}}}}
    (build / "results").mkdir()
    (build / "results/labels.json").write_text(json.dumps(old))
    run("--sets", "labels", "--methods", "majority")
    runs = json.loads((build / "results/labels.json").read_text())["runs"]
    assert list(runs) == ["majority"]
    assert "failed" in runs["majority"]["0"]
    assert "failed: " in run("--table")


def test_a_process_is_ended_after_its_time(own):
    from own.measure import measured

    assert measured([sys.executable, "-c", "while True: pass"], 0.5) == {"failed": "more than 0.5 seconds"}


def test_rows_are_kept_in_little_space(own):
    _, results = own
    assert results.unpacked(results.packed([0.0, 1.0, 1e9])) == [0, 1, results.LARGEST]
    assert results.unpacked(results.packed([])) == []
    draw = random.Random(1)
    rows = [draw.uniform(0, 100) for _ in range(1000)]
    assert results.unpacked(results.packed(rows)) == pytest.approx(rows, rel=1e-3)
    assert len(results.packed([float(draw.random() < 0.8) for _ in range(2000)])) < 1000


def test_differences_are_paired_by_row(own):
    _, results = own
    methods = {"higher": True, "simple": {"a": "", "b": ""}, "peers": {"p": ""}}

    def one(*rows: float) -> dict:
        return {"figure": sum(rows) / len(rows), "rows": list(rows), "seconds": 1, "memory": 1}

    about = {"set": "s", "side": "report", "task": "classification", "train": 9, "test": 4}
    runs = {
        "default": {"0": one(1, 1, 0, 1)},
        "network": {"0": {"same_as": "default"}},
        "a": {"0": one(1, 1, 0, 0)},
        "b": {"0": one(0, 0, 0, 0)},
        "p": {"0": one(1, 1, 1, 1)},
    }
    compared = results.Comparison({"about": about, "runs": runs}, methods)
    assert (compared.best, compared.ahead, compared.share) == ("a", 0.25, 0.5)
    assert compared.error == pytest.approx(0.25)  # differences 0, 0, 0, 1: deviation 0.5, over the root of 4
    assert compared.network == 0.25
    assert compared.peers == {"p": -0.25}

    lower = results.Comparison({"about": about, "runs": runs}, {**methods, "higher": False})
    assert (lower.best, lower.ahead) == ("b", -0.75)


def test_the_network_alone_comes_from_a_default_run_that_measured_it(own):
    _, results = own
    runs = {
        "default": {
            "0": {"figure": 0.9, "seconds": 5, "rows": [], "more": {"network": 0.8}},
            "1": {"figure": 0.9, "seconds": 5, "rows": [], "more": {}},
            "2": {"failed": "no memory"},
        }
    }
    assert results.network_of({"runs": runs}, 0) == {"figure": 0.8, "seconds": 5, "rows": []}
    assert results.network_of({"runs": runs}, 1) is None
    assert results.network_of({"runs": runs}, 2) is None
    assert results.network_of({"runs": {}}, 0) is None


def test_every_set_has_a_reader_and_few_may_guide(own):
    prepare, _ = own
    sets, methods = prepare.load_sets(), prepare.load_methods()
    assert sum(about["side"] == "guide" for about in sets.values()) <= 10
    for about in sets.values():
        options = about.keys() - prepare.ABOUT_SET - {*prepare.FACTS}
        inspect.signature(prepare.reader_of(about)).bind(None, **dict.fromkeys(options))
        assert about["task"] in methods
        assert about["task"] != "forecasting" or about.keys() >= {*prepare.FACTS}
    for task in {about["task"] for about in sets.values()}:
        sources = {about["source"] for about in sets.values() if about["task"] == task}
        assert len(sources) >= 5, task


def test_every_simple_method_of_texts_can_be_run(own):
    from own import simple

    prepare, _ = own
    methods = prepare.load_methods()
    assert {*methods["classification"]["simple"], "scikit-learn"} == set(simple.CLASSIFIERS)
    assert set(methods["translation"]["simple"]) == set(simple.TRANSLATORS)


def test_every_simple_method_of_numbers_can_be_run(own):
    from own import simple, simple_anomalies, simple_sequences

    prepare, _ = own
    methods = prepare.load_methods()
    assert set(simple.MEASURES) == set(methods)
    tasks = (methods["numeric-sequences"], methods["sequence-regression"])
    assert {name for task in tasks for kind in ("simple", "peers") for name in task[kind]} == set(
        simple_sequences.METHODS
    )
    assert set(methods["anomaly-detection"]["simple"]) == set(simple_anomalies.METHODS)


def made_set(prepare, folder: Path, content, **about) -> Path:
    """Writes a set; returns its folder."""
    folder.mkdir()
    sizes = prepare.write(folder, about, content)
    (folder / "about.json").write_text(json.dumps({"set": folder.name, **about, **sizes}))
    return folder


def test_sequences_are_read_as_they_were_written(own, tmp_path):
    from own.numbers import read_sequences
    from own.rows import Sequences
    from own.simple_sequences import even, summaries

    prepare, _ = own
    draw = np.random.default_rng(0)
    train = [(str(k % 2), draw.normal(k % 2, 0.1, (9 + k % 3, 2))) for k in range(40)]
    train[3][1][4, 1] = np.nan
    made_set(prepare, tmp_path / "s", Sequences(train, []), task="numeric-sequences")
    about = prepare.about_of(tmp_path / "s")
    assert (about["train"], about["test"], about["labels"], about["steps"]) == (32, 8, 2, [9, 11])
    labels, values = read_sequences(tmp_path / "s", "test")  # the first fifth
    assert labels == [label for label, _ in train[:8]]
    for (_, written), read in zip(train[:8], values, strict=True):
        np.testing.assert_array_equal(read, written)

    assert even([np.array([[1.0], [2.0]]), np.array([[3.0]] * 4)], 3).tolist() == [[[1, 2, 2]], [[3, 3, 3]]]
    assert summaries([np.array([[1.0], [3.0], [2.0]])])[0] == pytest.approx([2, (2 / 3) ** 0.5, 1, 3, 1, 2])


@pytest.mark.parametrize("method", ["majority", "regression"])
def test_simple_methods_of_labelled_sequences(own, tmp_path, method):
    from own.rows import Sequences
    from own.simple_sequences import sequences

    prepare, _ = own
    draw = np.random.default_rng(0)
    rows = [(f"x{k % 2}", draw.normal(k % 2, 0.1, (9, 2))) for k in range(60)]
    folder = made_set(prepare, tmp_path / "s", Sequences(rows, []), task="numeric-sequences")
    run = sequences(folder, method, 0)
    assert len(run.rows) == 12
    assert run.figure == (0.5 if method == "majority" else 1)


def test_simple_methods_of_sequences_with_a_number(own, tmp_path):
    from own.rows import Sequences
    from own.simple_sequences import sequences

    prepare, _ = own
    draw = np.random.default_rng(0)
    values = [draw.normal(size=(9, 1)) for _ in range(100)]
    rows = [(f"{5 + 3 * x.mean():.6g}", x) for x in values]
    folder = made_set(prepare, tmp_path / "s", Sequences(rows, []), task="sequence-regression")
    assert sequences(folder, "mean", 0).figure == pytest.approx(1, abs=0.5)
    assert sequences(folder, "regression", 0).figure < 0.01


def test_forecasts_are_measured_in_the_naive_methods_errors(own):
    from own.figures import mase_row, mase_rows

    history = np.array([1.0, 5, 2, 6, 3, 7])
    assert mase_row(history, np.array([4.0, 8]), np.array([4.0, 6]), 2) == 1  # errors 0 and 2, unit 1
    assert mase_row(history, np.array([4.0, np.nan]), np.array([7.0, 0]), 1) == pytest.approx(3 / 3.6)
    assert mase_row(history, np.array([4.0]), np.array([4.4]), 9) == pytest.approx(0.4 / 3.6)
    assert mase_row(history, np.array([np.nan]), np.array([7.0]), 2) is None
    assert mase_row(np.ones(5), np.array([4.0]), np.array([7.0]), 2) is None
    with pytest.raises(ValueError, match="no value"):
        mase_row(history, np.array([4.0]), np.array([np.nan]), 2)

    # two forecasts of two steps; the unit comes from what precedes the first
    values = {"a": np.array([0.0, 1, 0, 1, 5, 5, 7, 7])}
    about = {"horizon": 2, "windows": 2, "season": 1}
    assert mase_rows(values, {"a": np.array([[5.0, 4], [7, 3]])}, about) == [0.5, 2]


def test_series_are_written_from_first_to_last_value_and_hide_their_test_part(own, tmp_path):
    from own.numbers import known_before, read_series, values_of

    prepare, _ = own
    times = [str(k) for k in range(10)]
    nan = np.nan
    content = {
        "a": (times, np.array([nan, 1, 2, nan, 3, 4, 5, 6, 7, nan])),
        "short": (times[:4], np.arange(4.0)),
        "constant": (times, np.ones(10)),
        "empty": (times, np.full(10, nan)),
    }
    facts = {"horizon": 1, "season": 1, "windows": 2}
    folder = made_set(prepare, tmp_path / "s", content, task="forecasting", **facts)
    about, (table,) = prepare.about_of(folder), read_series(folder).values()
    assert (about["series"], about["train"], about["test"]) == (1, 6, 2)
    assert table["ds"].to_list() == times[1:9]
    np.testing.assert_array_equal(values_of(table), [1, 2, nan, 3, 4, 5, 6, 7])
    assert [known_before(about, window) for window in range(2)] == [2, 1]


def test_gaps_are_filled_from_the_season_before(own):
    from own.simple_series import without_gaps

    nan = np.nan
    assert without_gaps(np.array([1.0, nan, 3, nan, nan, nan]), 2).tolist() == [1, 1, 3, 1, 3, 1]


def test_simple_methods_of_series(own, tmp_path):
    pytest.importorskip("statsforecast")
    from own.simple_series import forecasts

    values = np.array([1.0, 2, 3] * 8)
    about = {"horizon": 3, "windows": 2, "season": 3}
    assert forecasts("seasonal-naive", values, about).tolist() == [[1, 2, 3]] * 2
    assert forecasts("naive", values, about).tolist() == [[3, 3, 3]] * 2
    assert forecasts("auto-theta", values, about).shape == (2, 3)


def test_tables_become_series_on_a_regular_grid(own, tmp_path):
    from own.places import Places
    from own.read_series import columns

    (tmp_path / "data/made").mkdir(parents=True)
    table = "day,shop,sold\n2024-01-01 08:00,a,1\n2024-01-01 09:00,a,3\n2024-01-04 08:00,a,NA\n"
    (tmp_path / "data/made/t.csv").write_text(table + "2024-01-05,b,2\n2024-01-06,b,4\n")
    places = Places(tmp_path, tmp_path / "build")
    options = {"file": "made/t.csv", "time": "day", "every": "1d", "series": "shop", "targets": ("sold",)}
    found = columns(places, **options)
    assert found["a"][0] == ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]
    np.testing.assert_array_equal(found["a"][1], [2, np.nan, np.nan, np.nan])
    assert columns(places, **options, weekdays=True)["b"][1].tolist() == [2]
    sums = columns(places, **options, how="sum", most=1)
    assert list(sums) == ["b"]  # two days with a sale, not one
    assert sums["b"][1].tolist() == [0, 0, 0, 0, 2, 4]


def test_files_of_the_archives_are_read(own, tmp_path):
    from own.read_sequences import _ts_lines

    (tmp_path / "a.ts").write_text("#c\n@data\n1,2,3:4,5,6:yes\n7:8:no\n")
    (yes, first), (no, second) = _ts_lines(tmp_path / "a.ts")
    assert (yes, no) == ("yes", "no")
    assert (first.tolist(), second.tolist()) == ([[1, 4], [2, 5], [3, 6]], [[7, 8]])


def test_anomalies_are_scored_after_the_training_part(own, tmp_path, monkeypatch):
    from own import simple_anomalies
    from own.numbers import read_channels
    from own.rows import Channels

    prepare, _ = own
    draw = np.random.default_rng(0)
    values = draw.normal(size=(300, 2))
    values[250:255] += 20
    values[3, 0] = np.nan
    labels = np.zeros(300, int)
    labels[250:255] = 1
    folder = made_set(
        prepare, tmp_path / "s", {"pump": Channels(values, labels, 100)}, task="anomaly-detection"
    )
    about = prepare.about_of(folder)
    ((name, table, cut),) = read_channels(folder, about)
    assert (name, table.columns, cut) == ("pump", ["c1", "c2", "label"], 100)
    assert table["c1"].null_count() == 1

    seen = {}
    monkeypatch.setattr(simple_anomalies, "period_of", lambda values: 10)
    monkeypatch.setattr(simple_anomalies, "vus_pr", lambda s, y, p: seen.update(s=s, y=y) or 0.5)
    for method in simple_anomalies.METHODS:
        assert simple_anomalies.anomalies(folder, method, 0).rows == [0.5]
        assert len(seen["s"]) == len(seen["y"]) == 200
        if method != "flag-everything":
            assert set(np.argsort(seen["s"])[-3:]) <= set(range(150, 155))


def test_vus_pr_by_the_package_of_its_authors(own):
    pytest.importorskip("TSB_AD.evaluation.basic_metrics", reason="pip install --no-deps TSB-AD")
    from own.figures import period_of, vus_pr

    labels = np.zeros(400, int)
    labels[200:220] = 1
    assert vus_pr(labels * 1.0, labels, 20) > 0.9
    assert vus_pr(1.0 - labels, labels, 20) < vus_pr(np.ones(400), labels, 20) < 0.2
    wave = np.sin(np.arange(400) * 2 * np.pi / 25)[:, None]
    wave[7] = np.nan
    assert period_of(wave) == 25


def test_word_for_word_and_the_translation_memory(own, tmp_path):
    pytest.importorskip("sacrebleu")
    from own import simple

    pairs = [
        ("a house", "ein Haus"),
        ("a dog", "ein Hund"),
        ("the house", "das Haus"),
        ("the dog", "der Hund"),
    ]
    prepare, _ = own
    prepare.write_rows(tmp_path, "translation", prepare.Rows(pairs, [("a house", "ein\u2028 Haus\x19")]))
    sources, _ = prepare.read_pairs(tmp_path / "train.tsv")
    assert sources == [source for source, _ in pairs]
    for method in ("word-for-word", "translation-memory"):
        assert simple.translated(tmp_path, method).figure == pytest.approx(100)
    assert simple.translated(tmp_path, "copy").figure < 50

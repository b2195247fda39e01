"""The suite of benchmarks/own_data.py, on two tiny made sets."""

import json
import random
import subprocess
import sys
from pathlib import Path

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


def test_every_set_has_a_reader_and_few_may_guide(own):
    prepare, _ = own
    sets, methods = prepare.load_sets(), prepare.load_methods()
    assert sum(about["side"] == "guide" for about in sets.values()) <= 10
    for about in sets.values():
        assert callable(prepare.reader_of(about))
        assert about["task"] in methods
    for task in {about["task"] for about in sets.values()}:
        sources = {about["source"] for about in sets.values() if about["task"] == task}
        assert len(sources) >= 5, task


def test_every_simple_method_of_texts_can_be_run(own):
    from own import simple

    prepare, _ = own
    methods = prepare.load_methods()
    assert {*methods["classification"]["simple"], "scikit-learn"} == set(simple.CLASSIFIERS)
    assert set(methods["translation"]["simple"]) == set(simple.TRANSLATORS)


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

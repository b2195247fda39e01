"""The classifier in scikit-learn's manner, on files, from vectors and from a language model."""

import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import SMALL, interrupt_at, reviews, same_bits, text, timeless, weights

import elman
from elman.cli import main
from elman.errors import InputError
from elman.tasks import classification, language_model
from elman.tasks.classification import SequenceClassifier

TINY = SMALL | {"embedding_size": 6, "min_count": 1}


@pytest.fixture(scope="module", autouse=True)
def no_pictures():
    """They take longer than the training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elman.pictures.curve.draw_curve", lambda *_: None)
        patch.setattr("elman.pictures.confusion.draw_confusion", lambda *_: None)
        yield


def texts(number: int = 60, seed: int = 0) -> tuple[list[str], list[str]]:
    rows = [line.split(",") for line in reviews(number, seed).splitlines()[1:]]
    return [row[0] for row in rows], [row[1] for row in rows]


X, Y = texts()


def fitted(x: Any = X, y: Any = Y, lengths: Any = None, validation: Any = None, **options: Any) -> Any:
    return SequenceClassifier(**TINY | options).fit(x, y, lengths, validation=validation)


def learnt(x: Any = X, y: Any = Y, lengths: Any = None, **options: Any) -> Any:
    return fitted(x, y, lengths, **{"epochs": 15, "learning_rate": 0.02, "dropout": 0.0} | options)


# In scikit-learn's manner


@pytest.mark.parametrize("level", ["words", "characters", "bytes", "subwords"])
def test_it_learns_texts_at_every_level(level):
    task = learnt(level=level, epochs=20, vocab_size=300 if level == "subwords" else None)
    new_x, new_y = texts(seed=1)
    assert task.score(new_x, new_y) > 0.9
    assert task.classes_.tolist() == ["neg", "pos"]
    p = task.predict_proba(new_x)
    assert p.shape == (60, 2)
    np.testing.assert_allclose(p.sum(1), 1)
    assert task.predict(new_x).tolist() == task.classes_[p.argmax(1)].tolist()


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "attention", "concat"])
def test_every_pooling_learns(pooling):
    assert learnt(pooling=pooling).score(*texts(seed=1)) > 0.9


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        ({"pos": 1, "neg": 0}, [0, 1]),
        ({"pos": 10, "neg": 9}, [9, 10]),
        ({"pos": True, "neg": False}, [False, True]),
        ({"pos": -0.5, "neg": 2.0}, [-0.5, 2.0]),
        ({"pos": "10", "neg": "9"}, ["9", "10"]),
        ({"pos": "a", "neg": 0}, [0, "a"]),
        ({"pos": 2.5, "neg": 1}, [1, 2.5]),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [iter, lambda y: np.array(y, object)])
def test_labels_come_back_as_they_were_even_after_loading(tmp_path, given, classes, kind):
    task = fitted(y=kind([given[y] for y in Y]), epochs=1)
    task.save(tmp_path / "run")
    for one in (task, elman.load(tmp_path / "run")):
        assert one.classes_.tolist() == classes
        assert set(one.predict(X).tolist()) <= set(classes)
        for label in one.predict(X).tolist():
            assert type(label) is type(classes[classes.index(label)])
    assert 0 <= task.score(X, [given[y] for y in Y]) <= 1


def test_scikit_learn_can_clone_it():
    base = pytest.importorskip("sklearn.base")
    task = fitted(learning_rate=0.01)
    copy = base.clone(task)
    assert copy.get_params() == task.get_params()
    assert copy.model is None
    assert same_bits(weights(copy.fit(X, Y).model), weights(task.model))


def numbers(number: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sequences of 3 to 8 steps that go up or down; the last features are noise of another unit."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(number, 8, 2)) * [0.3, 1e4]
    y = rng.integers(2, size=number)
    x[..., 0] += np.arange(8) * np.where(y, 0.5, -0.5)[:, None] + rng.normal(size=(number, 1))
    return x, np.where(y, "up", "down"), rng.integers(3, 9, number)


def test_it_learns_numbers_and_what_is_past_the_end_does_not_count():
    x, y, lengths = numbers()
    task = learnt(x, y, lengths, pooling="last")
    new_x, new_y, new_lengths = numbers(seed=1)
    assert task.score(new_x, new_y, new_lengths) > 0.9
    past = np.arange(8) >= new_lengths[:, None]
    other = np.where(past[..., None], np.nan, new_x)
    np.testing.assert_array_equal(
        task.predict_proba(other, new_lengths), task.predict_proba(new_x, new_lengths)
    )


def test_pairs_are_compared():
    rng = np.random.default_rng(0)
    first, second = (rng.choice(["cat", "dog", "mat"], 300) for _ in range(2))
    pairs = [(f"the {a} ran", f"a {b} sat") for a, b in zip(first, second, strict=True)]
    y = first == second
    task = learnt(pairs[:200], y[:200], epochs=30, pooling="max", batch_size=16)
    assert task.score(pairs[200:], y[200:]) > 0.95
    assert task.predict([["the cat ran", "a cat sat"], ["the cat ran", "a mat sat"]]).tolist() == [
        True,
        False,
    ]


def test_several_labels_or_none():
    rng = np.random.default_rng(0)
    sets = [
        sorted(rng.choice(["a", "b", "c"], rng.integers(0, 4), replace=False).tolist()) for _ in range(200)
    ]
    words = [" ".join(["x", *(f"says{s}" for s in one), "y"]) for one in sets]
    for balanced in ("none", "balanced"):
        task = learnt(
            words[:150], sets[:150], epochs=30, batch_size=16, learning_rate=0.05, class_weights=balanced
        )
        assert task.score(words[150:], sets[150:]) > 0.9
        assert task.predict(["x saysa saysc y", "x y"]) == [["a", "c"], []]
        assert task.predict_proba(["x y"]).max() < 0.5


def test_rare_labels_count_as_much_when_balanced():
    rng = np.random.default_rng(0)
    x = [" ".join(rng.choice(["the", "cat", "ran"], 5)) for _ in range(200)]
    y = ["rare"] * 20 + ["usual"] * 180  # nothing in the text tells
    plain, balanced = (
        fitted(x, y, class_weights=w, epochs=8, learning_rate=0.02, batch_size=16)
        for w in ("none", "balanced")
    )
    assert plain.predict_proba(x)[:, 0].mean() == pytest.approx(0.1, abs=0.1)
    assert balanced.predict_proba(x)[:, 0].mean() == pytest.approx(0.5, abs=0.1)


BAD: list[tuple[Any, Any, str]] = [
    ("one text", Y, r"X must be a list of texts. Got one text; give \[text\]"),
    (X, None, "y: labels are needed"),
    (X, "01" * 30, "y must be a list of labels. Got '0101"),
    (X, [1, 1.0] * 30, r"y\[1\]: label 1.0 cannot be told from 1"),
    (X, Y[:-1], "y must have 60 labels, as X has examples. Got 59"),
    ([*X[:-1], "  "], Y, r"X\[59\]: the text must not be empty"),
    ([*X[:-1], 3], Y, r"X\[59\] must be a text"),
    ([*X[:-1], ("a", "b")], Y, r"X\[59\] must be a text. Got"),
    ([("a", "b"), ("a",)], [0, 1], r"X\[1\] must be a pair of texts"),
    (X, ["pos"] * 60, r"X\[0\]: there must be at least two different labels. Got pos alone"),
    (X, [*Y[:-1], None], r"y\[59\]: a label must be a text or a finite number. Got None"),
    (X, [*Y[:-1], ""], r"y\[59\]: a label must be a text or a finite number. Got ''"),
    (X, [*Y[:-1], float("nan")], r"y\[59\]: a label must be a text or a finite number. Got nan"),
    (X, [["pos"], *Y[1:]], r"y\[1\]: must be a list of labels, as others are"),
    (np.zeros((2, 3, 0)), [0, 1], "none of them 0"),
]


@pytest.mark.parametrize(("x", "y", "message"), BAD, ids=[row[2][:40] for row in BAD])
def test_what_cannot_be_learnt_from_is_named(x, y, message):
    with pytest.raises(InputError, match=message):
        fitted(x, y)


def test_other_kinds_and_labels_are_refused_later():
    task = fitted()
    with pytest.raises(InputError, match=r"X\[0\]: must be texts, as the training part. Got pairs of texts"):
        task.predict([("a", "b")])
    with pytest.raises(InputError, match="Got sequences of 2 features"):
        task.predict(np.zeros((2, 3, 2)))
    with pytest.raises(InputError, match=r"X\[1\]: label 'so-so' does not occur in the training part, whose"):
        task.score(X[:2], ["pos", "so-so"])
    numeric = fitted(*numbers())
    with pytest.raises(InputError, match="must be sequences of 2 features"):
        numeric.predict(X)
    with pytest.raises(InputError, match=r"^X\[0\]: must have one label, as the training part. Got a list"):
        task.score(X, [[label] for label in Y])
    with pytest.raises(InputError, match=r"^lengths must be None beside texts"):
        task.predict_proba(X, lengths=[1] * 60)
    assert task.predict_proba(["", "words never seen"]).shape == (2, 2)  # what is empty has an answer too


def test_labels_are_known_by_their_value():
    y = [int(label == "pos") for label in Y]
    task = fitted(y=y, epochs=1)
    wanted = task.score(X, y)
    for same in (np.array(y, float), np.array(y, bool), np.array(y)[:, None], list(map(str, y)), iter(y)):
        assert task.score(X, same) == wanted
    with pytest.raises(InputError, match="label '2' does not occur"):
        task.score(X, [2] * 60)


def test_an_indicator_is_learnt_as_several_labels():
    indicator = np.array([[label == "pos", label == "neg", True] for label in Y], int)
    task = fitted(y=indicator, epochs=1)
    assert (task.classes_.tolist(), task.scheme.multi_label) == ([0, 1, 2], True)
    assert task.score(X, indicator) == task.score(X, [np.flatnonzero(row) for row in indicator])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), r"validation must be \(X, y\) or \(X, y, lengths\). Got \(\)"),
        ((X,), r"validation must be \(X, y\) or"),
        (X, r"validation must be \(X, y\) or"),
        ({"X": X}, r"validation must be \(X, y\) or"),
        ((X, Y, None, None), r"validation must be \(X, y\) or"),
        ((X, None), "validation: y: labels are needed"),
        ((X[:2], [["pos"], ["pos", "neg"]]), r"validation: X\[0\]: must have one label"),
        ((X[:1], ["so-so"]), r"validation: X\[0\]: label 'so-so' does not occur"),
        (([None], ["pos"]), r"validation: X: must be \[sequences, steps, features\]"),
    ],
    ids=range(9),
)
def test_a_validation_part_that_does_not_fit_is_named(given, message):
    with pytest.raises(InputError, match=f"^{message}"):
        fitted(validation=given)


def test_options_of_other_parts_have_no_place_in_fit():
    for options in ({"folds": 3}, {"validation": ("a.csv",)}, {"test": ("a.csv",)}):
        with pytest.raises(InputError, match=rf"^the option {next(iter(options))} must be left out for fit"):
            SequenceClassifier(**TINY | options).fit(X, Y)


def test_what_is_not_fitted_has_no_classes():
    with pytest.raises(InputError, match="is not fitted yet"):
        SequenceClassifier().classes_  # noqa: B018


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "--folds must be 0 or an int in"),
        ({"folds": 3, "test": (Path("x.csv"),)}, "--folds and --test exclude each other"),
        ({"vectors": "v.txt", "pretrained": "run"}, "--vectors and --pretrained exclude"),
        ({"vectors": "v.txt", "level": "bytes"}, "--vectors needs --level words. Got bytes"),
        ({"freeze_vectors": True}, "--freeze-vectors needs --vectors"),
        ({"label_separator": "::"}, "--label-separator must be one character"),
        ({"max_length": -1}, "--max-length must be"),
        ({"word_dropout": 1.0}, "--word-dropout must be"),
        ({"rate_division": 0.5}, "--rate-division must be"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        SequenceClassifier(**options)


def test_fitting_leaves_the_options_as_they_were():
    task = SequenceClassifier(**TINY | {"level": "bytes", "min_count": 2, "lowercase": True, "epochs": 1})
    before = task.get_params()
    assert task.fit(X, Y).get_params() == before
    assert task.vocabulary.encode("A").tolist() != task.vocabulary.encode("a").tolist()


# Length


def test_no_more_is_read_than_asked_for():
    start, end = (fitted(max_length=3, keep=keep) for keep in ("start", "end"))
    long = "the cat ran on a big red mat"
    np.testing.assert_array_equal(start.predict_proba([long]), start.predict_proba(["the cat ran"]))
    np.testing.assert_array_equal(end.predict_proba([long]), end.predict_proba(["big red mat"]))
    assert not np.array_equal(start.predict_proba([long]), start.predict_proba(["the cat sat"]))
    x, y, lengths = numbers()
    short = fitted(x, y, lengths, max_length=2, keep="end")
    np.testing.assert_allclose(
        short.predict_proba(x[:1, :5]), short.predict_proba(x[:1, 3:5]), rtol=1e-5, atol=1e-6
    )


# Files


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(*data: str, out: str | None = "run", **options: Any) -> Any:
    return SequenceClassifier(**TINY | options).train(list(data), out)


def write_forms(folder: Path) -> None:
    """The same 60 reviews as files of every kind."""
    import polars as pl

    frame = pl.DataFrame({"text": X, "label": Y})
    frame.write_csv(folder / "a.csv")
    frame.write_csv(folder / "a.tsv", separator="\t")
    frame.write_ndjson(folder / "a.jsonl")
    frame.write_parquet(folder / "a.parquet")
    (folder / "a.txt").write_text("".join(f"{y} {x}\n" for x, y in zip(X, Y, strict=True)))
    (folder / "a.tabs").write_text("".join(f"{y}\t{x}\r\n" for x, y in zip(X, Y, strict=True)))
    (folder / "a.fasttext").write_text("".join(f"__label__{y} {x}\n" for x, y in zip(X, Y, strict=True)))


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "txt", "tabs", "fasttext"])
def test_every_form_of_file_gives_the_same_model(here, form):
    write_forms(here)
    wanted = trained("a.csv", out=None, epochs=1)
    assert same_bits(weights(trained(f"a.{form}", out=None, epochs=1).model), weights(wanted.model))


def test_a_folder_a_label(here):
    for k, (x, y) in enumerate(zip(X, Y, strict=True)):
        (here / "data" / y).mkdir(parents=True, exist_ok=True)
        (here / "data" / y / f"{k:03}.txt").write_text(x)
    (here / "data" / "readme.txt").write_text("not read")
    task = trained("data", epochs=15, learning_rate=0.02)
    assert task.classes_.tolist() == ["neg", "pos"]
    assert task.results["test"]["examples"] == 6
    assert task.evaluate("data")["accuracy"] > 0.9
    assert all("data/" in m["place"] for m in task.results["mistakes"])


def test_folders_of_arrays_and_npz(here):
    x, y, lengths = numbers()
    for k, (one, name, n) in enumerate(zip(x, y, lengths, strict=True)):
        (here / "data" / name).mkdir(parents=True, exist_ok=True)
        np.save(here / "data" / name / f"{k:03}.npy", one[:n])
    order = np.argsort(y, kind="stable")
    np.savez("a.npz", x=x[order], y=y[order], lengths=lengths[order])
    folder, npz = trained("data", out=None), trained("a.npz", out="run")
    assert same_bits(weights(folder.model), weights(npz.model))
    np.save("new.npy", x[:4])
    assert len(npz.label(npz.read_alike("new.npy", with_labels=False))) == 4
    assert [*npz.results["baselines"]] == ["most frequent label", "logistic regression on mean and last step"]


def sequence_table() -> str:
    x, y, lengths = numbers()
    rows = ["unique_id,ds,a,b,label"]
    for k, n in enumerate(lengths):
        rows += [f"s{k},{t},{x[k, t, 0]},{x[k, t, 1]},{y[k]}" for t in range(n)]
    return "\n".join(rows) + "\n"


def test_a_table_with_one_row_a_step(here):
    Path("steps.csv").write_text(sequence_table())
    task = trained("steps.csv", epochs=15, learning_rate=0.02, pooling="last")
    assert task.evaluate("steps.csv")["accuracy"] > 0.9
    assert task.facts["features"] == ["a", "b"]
    loaded = elman.load("run")
    said = loaded.verb(data=Path("steps.csv"))
    assert len(list(said.text(loaded))) == 60


def test_pairs_and_several_labels_from_tables(here):
    rows = "".join(
        f"{x},{x[::-1]},{y};{'odd' if k % 2 else ''}\n" for k, (x, y) in enumerate(zip(X, Y, strict=True))
    )
    Path("a.csv").write_text("one,two,tags\n" + rows)
    task = trained(
        "a.csv",
        text_column="one",
        pair_column="two",
        label_column="tags",
        label_separator=";",
        split=(0.7, 0.2, 0.1),
    )
    assert task.classes_.tolist() == ["neg", "odd", "pos"]
    assert (task.scheme.texts, task.scheme.multi_label) == (2, True)
    assert set(task.evaluate("a.csv")) == set(task.results["test"])
    assert not (here / "run" / "confusion.png").exists()
    assert "labels" in task.results
    Path("lists.jsonl").write_text(
        "".join(
            json.dumps({"text": x, "label": [y, "odd"][: 1 + k % 2]}) + "\n"
            for k, (x, y) in enumerate(zip(X, Y, strict=True))
        )
    )
    with pytest.raises(InputError, match="--folds must be 0 where examples have several labels"):
        trained("lists.jsonl", folds=2, out=None)
    assert trained("lists.jsonl", out=None).classes_.tolist() == ["neg", "odd", "pos"]
    Path("f.txt").write_text("".join(f"__label__{y} __label__odd {x}\n" for x, y in zip(X, Y, strict=True)))
    assert trained("f.txt", out=None).classes_.tolist() == ["neg", "odd", "pos"]


GOOD = reviews()
FILES: dict[str, tuple[str | bytes, str]] = {
    "no rows.csv": ("text,label\n", "has no rows"),
    "columns.csv": (
        "texts,label\na,b\n",
        "has no column 'text' of texts nor 'unique_id' of numeric sequences",
    ),
    "label.csv": ("text,tag\na,b\n", "has no column 'label'; columns: text, tag"),
    "empty text.csv": ("text,label\na,x\n,y\n", "row 3, column 'text': must not be empty"),
    "white text.csv": ('text,label\na,x\n"  ",y\n', "row 3, column 'text': the text must not be empty"),
    "empty label.csv": ("text,label\na,x\nb,\n", "row 3, column 'label': must not be empty"),
    "one label.csv": (
        "text,label\na b,x\nb c,x\nc d,x\nd e,x\n",
        "row 2: there must be at least two different labels. Got x alone",
    ),
    "lines.txt": ("pos good\nbad\n", "line 2: must be a label, a space or tab, and a text. Got 'bad'"),
    "label only.txt": ("pos good\nneg  \n", "line 2: the text must not be empty"),
    "nothing.txt": ("", "has no lines"),
    "latin.txt": (b"neg a\npos caf\xe9\n", r"line 2: text must be UTF-8. Byte 13 is 0xE9 \([a-z ]*\)$"),
    "two labels.csv": (
        "unique_id,a,label\ns,1,x\ns,2,y\n",
        "row 3: label must be the same in every row of unique_id 's'. Got y",
    ),
    "no number.csv": (
        "unique_id,a,label\ns,1,x\nt,z,y\n",
        "row 3, column 'a': must be a finite number. Got 'z'",
    ),
    "x.npy": (b"\x93NUMPY", "has no labels; give an .npz file"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_named_with_row_and_column(here, name):
    content, message = FILES[name]
    (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=f"{name}: {message}") as error:
        trained(name)
    assert "\n" not in str(error.value)
    assert [path.name for path in here.iterdir()] == [name]


def test_too_few_examples_for_the_parts_are_refused(here):
    Path("few.csv").write_text("text,label\na b,x\nb c,y\n")
    with pytest.raises(InputError, match="of 2 examples with 2 different labels, every part needs at least"):
        trained("few.csv")


def test_a_label_that_occurs_once_is_told(here):
    Path("lone.csv").write_text(GOOD + "a cat ran off,odd\n")
    with pytest.warns(UserWarning, match=r"lone\.csv: row \d+: label 'odd' occurs only here"):
        trained("lone.csv", out=None, epochs=1)


def test_bad_folders_are_named(here):
    (here / "flat").mkdir()
    (here / "flat" / "a.txt").write_text("text")
    with pytest.raises(InputError, match="flat: must hold a folder for each label"):
        trained("flat")
    (here / "data" / "pos").mkdir(parents=True)
    with pytest.raises(InputError, match="pos: the folder holds no files"):
        trained("data")
    (here / "data" / "pos" / "a.txt").write_text(" \n")
    with pytest.raises(InputError, match=r"pos/a.txt: the text must not be empty"):
        trained("data")
    with pytest.raises(InputError, match="data must be at least one path"):
        trained()


# Parts


def test_parts_may_come_from_files_of_their_own(here):
    Path("a.csv").write_text(GOOD)
    Path("b.csv").write_text(reviews(10, seed=1))
    Path("c.csv").write_text(reviews(14, seed=2))
    task = trained("a.csv", validation=("b.csv",), test=(Path("c.csv"),))
    assert (task.results["validation"]["examples"], task.results["test"]["examples"]) == (10, 14)
    assert task.results["test"] == task.evaluate("c.csv")
    shared = trained("a.csv", test=(Path("c.csv"),), out=None)
    assert shared.results["validation"]["examples"] == 6  # a tenth, as without a file
    Path("d.csv").write_text("text,label\na cat sat,so-so\n")
    with pytest.raises(InputError, match=r"d.csv: row 2: label 'so-so' does not occur in the training part"):
        trained("a.csv", test=(Path("d.csv"),), out=None)


def test_what_stands_in_two_parts_is_told_in_one_line(here):
    Path("a.csv").write_text(GOOD)
    Path("b.csv").write_text("\n".join(GOOD.splitlines()[:4]) + "\na new one,pos\n")
    with pytest.warns(
        UserWarning, match=r"^3 of the 4 examples of the test part .* the first: b.csv: row 2$"
    ):
        trained("a.csv", split=(1.0, 0.0, 0.0), test=(Path("b.csv"),), out=None)


def test_cross_validation_tests_every_example_once(here, monkeypatch):
    Path("a.csv").write_text(GOOD)
    tested = []
    original = SequenceClassifier._details

    def spy(self, test, p):
        tested.extend(test.places)
        return original(self, test, p)

    monkeypatch.setattr(SequenceClassifier, "_details", spy)
    task = trained("a.csv", folds=3, epochs=1)
    assert sorted(tested) == sorted(f"a.csv: row {k}" for k in range(2, 62))
    folds = task.results["folds"]["this model"]
    assert len(folds["accuracy"]) == 3
    assert folds["mean"] == pytest.approx(np.mean(folds["accuracy"]))
    assert folds["deviation"] == pytest.approx(np.std(folds["accuracy"]))
    assert set(task.results["folds"]) == {*task.results["baselines"], "this model"}
    assert (
        folds["accuracy"][0]
        == task.results["test"]["accuracy"]
        == elman.load("run").results["test"]["accuracy"]
    )
    assert "over 3 folds" in task.report()


def test_an_interrupted_cross_validation_goes_on_with_the_next_fold(here, monkeypatch):
    Path("a.csv").write_text(GOOD)
    whole = trained("a.csv", folds=4, epochs=1, out="whole").results["folds"]
    original, calls = SequenceClassifier._fit, []

    def stop(self, read, out, overwrite, show_progress):
        calls.append(out)
        if len(calls) == 4:  # the first is the run itself
            raise KeyboardInterrupt
        return original(self, read, out, overwrite, show_progress)

    monkeypatch.setattr(SequenceClassifier, "_fit", stop)
    with pytest.raises(KeyboardInterrupt):
        trained("a.csv", folds=4, epochs=1)
    assert len(json.loads(Path("run/folds.json").read_text())) == 3
    assert elman.resume("run").results["folds"] == whole
    assert len(calls) == 5


@pytest.mark.parametrize("form", ["texts", "numbers", "several"])
def test_an_interrupted_run_goes_on_to_the_same_bits(here, monkeypatch, form):
    from elman.train import progress

    Path("texts.csv").write_text(GOOD)
    Path("numbers.csv").write_text(sequence_table())
    Path("several.csv").write_text(GOOD.replace(",pos", ",pos;x"))
    options = {"label_separator": ";"} if form == "several" else {}
    whole = trained(f"{form}.csv", out="whole", **options)
    monkeypatch.setattr(progress, "Silent", lambda: interrupt_at(7))
    with pytest.raises(KeyboardInterrupt):
        trained(f"{form}.csv", **options)
    monkeypatch.undo()
    monkeypatch.chdir(here)
    resumed = elman.resume("run")
    assert timeless(here / "run") == timeless(here / "whole")
    assert resumed.results["test"] == whole.results["test"]


# Figures


def test_the_temperature_is_fitted_on_validation_saved_and_used(here):
    Path("a.csv").write_text(GOOD)
    Path("noise.csv").write_text(
        "text,label\n" + "".join(f"{x} n{k},{'pos' if k % 3 else 'neg'}\n" for k, x in enumerate(X))
    )
    task = trained("a.csv", validation=(Path("noise.csv"),), epochs=6, learning_rate=0.02)
    assert task.results["temperature"] == pytest.approx(float(task.model.temperature))
    assert task.results["temperature"] > 2  # the labels there are noise
    loaded = elman.load("run")
    assert float(loaded.model.temperature) == float(task.model.temperature)
    logits = loaded._logits(loaded.read_alike(Path("a.csv"), with_labels=False))
    z = np.exp(logits / task.results["temperature"])
    np.testing.assert_allclose(loaded.predict_proba(X), z / z.sum(1, keepdims=True), rtol=1e-4)
    assert float(fitted().model.temperature) == 1.0


def test_results_hold_what_people_ask_for(here, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "elman.pictures.confusion.draw_confusion",
        lambda matrix, names, path, _: drawn.append((matrix.tolist(), names, path)),
    )
    Path("a.csv").write_text(GOOD)
    task = trained("a.csv", split=(0.4, 0.2, 0.4), epochs=1, hidden_size=1, learning_rate=1e-9)
    results = json.loads(Path("run/results.json").read_text())
    matrix = np.array(results["confusion"])
    assert matrix.sum() == results["test"]["examples"] == 24
    assert np.trace(matrix) / 24 == results["test"]["accuracy"]
    wrong = 24 - np.trace(matrix)
    assert len(results["mistakes"]) == min(10, wrong) > 0
    probabilities = [m["probability"] for m in results["mistakes"]]
    assert probabilities == sorted(probabilities, reverse=True)
    mistake = results["mistakes"][0]
    assert mistake["label"] != mistake["predicted"]
    assert mistake["text"] in X
    assert drawn == [(results["confusion"], ["neg", "pos"], Path("run/confusion.png"))]
    report = task.report()
    assert all(
        word in report for word in ("macro F1", "calibration error", "neg", "surest of", mistake["text"])
    )
    assert [*results["baselines"]] == ["most frequent label", "tf-idf + logistic regression"]


def test_without_scikit_learn_one_line_says_what_to_install(here, monkeypatch):
    import sys

    Path("a.csv").write_text(GOOD)
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    task = trained("a.csv")
    assert [*task.results["baselines"]] == ["most frequent label"]
    assert "pip install 'elman[text]'" in task.report()


# The verb


def said(capsys: Any, *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def good(tmp_path_factory, no_pictures):
    folder = tmp_path_factory.mktemp("good")
    (folder / "a.csv").write_text(GOOD)
    options = TINY | {"epochs": 15, "learning_rate": 0.02, "word_dropout": 0.2}
    return SequenceClassifier(**options).train([folder / "a.csv"], folder / "run")


@pytest.fixture
def run(good, monkeypatch):
    monkeypatch.chdir(good.folder.parent)
    return good


def test_lines_are_answered_one_by_one_in_order(run, capsys, monkeypatch):
    lines = ["the good cat", "", "a bad dog", "unseen"]
    asked = []

    class Typing(io.StringIO):
        def readline(self, *_):
            asked.append(capsys.readouterr().out)
            return super().readline()

    monkeypatch.setattr("sys.stdin", Typing("\n".join(lines) + "\n"))
    assert main(["classify", "run"]) == 0
    answers = [*asked, capsys.readouterr().out]
    out = "".join(answers).splitlines()
    assert len(out) == 4
    assert [len(answer.splitlines()) for answer in answers[:5]] == [
        0,
        1,
        1,
        1,
        1,
    ]  # each before the next is read
    assert [line.split("\t")[0] for line in (out[0], out[2])] == ["pos", "neg"]
    p = run.predict_proba(lines)
    assert out[1].split("\t")[1:] == [f"neg={p[1, 0]:.4f}", f"pos={p[1, 1]:.4f}"]


def test_what_is_typed_must_be_utf8(run, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a cat\ncaf\xe9\n"), "utf-8"))
    assert main(["classify", "run"]) == 2
    assert capsys.readouterr().err == "elman: standard input must be UTF-8: invalid continuation byte\n"


def test_files_and_texts(run, capsys):
    Path("lines.txt").write_text("the good cat\na bad dog\n")
    assert [line.split("\t")[0] for line in said(capsys, "classify", "run", "lines.txt").splitlines()] == [
        "pos",
        "neg",
    ]
    given = json.loads(said(capsys, "classify", "run", "--text", "a bad dog", "--json"))
    (prediction,) = given["predictions"]
    assert prediction["label"] == "neg"
    assert prediction["probabilities"] == pytest.approx(
        dict(zip(["neg", "pos"], run.predict_proba(["a bad dog"])[0], strict=True))
    )
    assert len(said(capsys, "classify", "run", "a.csv").splitlines()) == 60
    assert main(["classify", "run", "a.csv", "--text", "x"]) == 2
    assert "exclude each other" in capsys.readouterr().err
    assert main(["classify", "run", "."]) == 2


def test_explaining_points_at_the_word_that_decides(run, capsys):
    for text_, word in (("the good cat sat", "good"), ("a bad dog ran on", "bad")):
        (pieces,) = run.explain(text_)
        assert [piece for piece, _ in pieces] == text_.split()
        assert max(pieces, key=lambda piece: piece[1])[0] == word
        shown = said(capsys, "classify", "run", "--text", text_, "--explain").splitlines()[1]
        assert f"{word}[+++]" in shown
    answer = json.loads(said(capsys, "classify", "run", "--text", "the good cat", "--explain", "--json"))
    assert [piece for piece, _ in answer["predictions"][0]["words"][0]] == ["the", "good", "cat"]


def test_what_is_no_text_cannot_be_explained(run):
    for given in (["the good", "cat"], None, 5):
        with pytest.raises(InputError, match=r"^text must be a text. Got "):
            run.explain(given)


def test_examples_in_memory_are_evaluated_as_those_of_files(run):
    wanted = run.evaluate("a.csv")
    assert run.evaluate(X=X, y=Y) == wanted
    assert run.score(X, Y) == wanted["accuracy"]
    for given in ({}, {"data": "a.csv", "X": X, "y": Y}, {"data": "a.csv", "y": Y}):
        with pytest.raises(InputError, match=r"^give either data or X and y$"):
            run.evaluate(**given)
    with pytest.raises(InputError, match=r"^y: labels are needed"):
        run.evaluate(X=X)
    with pytest.raises(InputError, match=r"^X must be texts"):
        run.evaluate(y=Y)
    with pytest.raises(InputError, match=r"^data must be at least one path. Got \[\]"):
        run.evaluate([])


def test_a_look_reads_a_few_examples_of_each_part(run, monkeypatch):
    monkeypatch.setattr(classification, "_LOOKED_AT", 5)
    task = elman.load("run")
    encoded, encode = [], type(task.vocabulary).encode
    monkeypatch.setattr(
        type(task.vocabulary), "encode", lambda self, text: encoded.append(text) or encode(self, text)
    )
    sample = task.sample()
    assert [len(part) for part in task._parts.values()] == [48, 6, 6]
    assert len(encoded) == 5 + 3 + 3  # every tenth, and every second
    assert len(sample.texts) == 3


def test_an_explanation_is_the_derivative_along_the_embedding(run):
    tokens = torch.from_numpy(run.vocabulary.encode("the good cat").astype(np.int64))[:, None]
    from elman.batch import Field

    def odds(scale: torch.Tensor) -> torch.Tensor:
        x = run.model.embed(tokens) * scale[:, None, None]
        (logits,) = run.model.head.logits(run.model.features_of(Field(x)))
        return logits[1] - logits[0]

    (pieces,) = run.explain("the good cat")
    numeric = []
    with torch.no_grad():
        for k in range(3):
            step = torch.zeros(3)
            step[k] = 1e-2
            numeric.append(float(odds(1 + step) - odds(1 - step)) / 2e-2)
    sign = 1 if run.predict(["the good cat"])[0] == "pos" else -1
    np.testing.assert_allclose([w for _, w in pieces], sign * np.array(numeric), rtol=0.02, atol=1e-3)


def test_pairs_are_read_with_a_tab_and_both_explained(here, capsys):
    pairs = [(x, x[::-1]) for x in X]
    task = SequenceClassifier(**TINY).fit(pairs, Y, out="run")
    assert len(task.explain(("the good cat", "ran"))) == 2
    with pytest.raises(InputError, match=r"^text must be a pair of texts. Got 'ran'"):
        task.explain("ran")
    out = said(capsys, "classify", "run", "--text", "the good cat\tran", "--explain")
    assert len(out.splitlines()) == 3
    assert main(["classify", "run", "--text", ""]) == 2
    assert capsys.readouterr().err == "elman: --text: the text must not be empty\n"
    assert main(["classify", "run", "--text", "one text"]) == 2
    assert "two texts with a tab between" in capsys.readouterr().err


def test_numbers_cannot_be_explained_nor_typed(here, capsys):
    SequenceClassifier(**TINY).fit(*numbers(), out="run")
    Path("s.csv").write_text("unique_id,ds,x0,x1\nb 2,1,0,1\na 1,1,2,3\nb 2,2,4,5\n")
    assert [line.split("\t")[0] for line in said(capsys, "classify", "run", "s.csv").splitlines()] == [
        "b 2",
        "a 1",
    ]
    found = json.loads(said(capsys, "classify", "run", "s.csv", "--json"))["predictions"]
    assert [each["name"] for each in found] == ["b 2", "a 1"]
    assert main(["classify", "run", "--text", "1"]) == 2
    assert "read from a file" in capsys.readouterr().err
    np.save("x.npy", numbers()[0])
    assert main(["classify", "run", "x.npy", "--explain"]) == 2
    assert "only texts can be explained" in capsys.readouterr().err


# Vectors and language models


def test_vectors_are_where_training_starts(here):
    lines = [f"{word} {k} {k / 2} -1" for k, word in enumerate(["good", "bad", "cat", "GOOD"])]
    Path("vectors.txt").write_text("\n".join(lines) + "\n")
    Path("a.csv").write_text(GOOD)
    options = TINY | {"embedding_size": 100, "vectors": "vectors.txt"}
    task = SequenceClassifier(**options, freeze_vectors=True).train("a.csv", "run")
    assert task.config.embedding_size == 3
    embedding = task.model.embedding.weight.detach()
    row = {piece: k for k, piece in enumerate(task.vocabulary.pieces(np.arange(len(task.vocabulary))))}
    assert embedding[row["bad"]].tolist() == [1, 0.5, -1]
    assert embedding[row["cat"]].tolist() == [2, 1, -1]
    assert embedding[row["the"]].any()
    assert task.results["vectors"] | {"tokens": 0} == {"words": 3, "of": len(row), "tokens": 0}
    assert f"vectors for 3 of {len(row)} words" in task.report()
    free = SequenceClassifier(**options).train("a.csv")
    assert not torch.equal(free.model.embedding.weight[row["bad"]], embedding[row["bad"]])
    Path("vectors.txt").unlink()
    assert np.array_equal(elman.load("run").predict_proba(X), task.predict_proba(X))
    with pytest.raises(InputError, match=r"vectors.txt: No such file"):
        SequenceClassifier(**options).train("a.csv")
    Path("vectors.txt").write_text("nowhere 1 2 3\n")
    with pytest.raises(InputError, match=r"holds none of the .* words"):
        SequenceClassifier(**options).train("a.csv")
    Path("vectors.txt").write_text("good 1 2 3\n")
    with pytest.raises(
        InputError, match=r"--embedding-size must be 3, as in vectors.txt, or not given. Got 7"
    ):
        SequenceClassifier(**options | {"embedding_size": 7}).train("a.csv")


@pytest.fixture
def pretrained(here, monkeypatch):
    monkeypatch.setattr(language_model, "_SAMPLE", 20)
    Path("a.csv").write_text(GOOD)
    options = SMALL | {"layers": 2, "embedding_size": 5, "level": "words", "cell": "gru", "hidden_size": 7}
    return elman.LanguageModel(**options).fit(texts=[*X, text()], out="lm")


def test_a_language_model_is_where_training_starts(here, pretrained):
    options = SMALL | {"hidden_size": 128, "pretrained": Path("lm")}
    still = SequenceClassifier(**options | {"learning_rate": 1e-30}).train("a.csv")
    own, start = weights(still.model), weights(pretrained.model)
    shared = [name for name in own if name.startswith(("embedding.", "layer."))]
    assert len(shared) == 9
    assert all(torch.equal(own[name], start[name]) for name in shared)
    config = still.config
    assert (config.cell, config.hidden_size, config.layers, config.embedding_size) == ("gru", 7, 2, 5)
    assert (config.level, config.bidirectional, config.pooling) == ("words", False, "concat")
    tuned = SequenceClassifier(**options | {"learning_rate": 0.01}).train("a.csv", "run")
    moved = [name for name in shared if not torch.equal(weights(tuned.model)[name], start[name])]
    assert moved  # of two epochs the second trains the upper layer, and it alone
    assert all("_l1" in name for name in moved)
    at_once = SequenceClassifier(**options | {"learning_rate": 0.01, "unfreeze": "at-once"}).train("a.csv")
    assert not any(torch.equal(weights(at_once.model)[name], start[name]) for name in shared)
    for path in Path("lm").iterdir():
        path.unlink()
    assert np.array_equal(elman.load("run").predict_proba(X), tuned.predict_proba(X))


def test_words_that_the_language_model_does_not_know_are_learnt_from_the_mean_of_its_own(here, pretrained):
    rows = GOOD.splitlines()
    odd = [f"{row.rpartition(',')[0]} kumquat,{row.rpartition(',')[2]}" for row in rows[1:7]]
    once = odd[0].replace("kumquat", "hapax")
    Path("more.csv").write_text("\n".join([*rows, *odd, once]) + "\n")
    options = SMALL | {"hidden_size": 128, "pretrained": Path("lm"), "split": (0.98, 0.01, 0.01)}
    still = SequenceClassifier(**options | {"learning_rate": 1e-30}).train("more.csv", "run")
    known = len(pretrained.vocabulary)
    assert still.vocabulary.pieces(np.arange(known)) == pretrained.vocabulary.pieces(np.arange(known))
    assert still.vocabulary.pieces(still.vocabulary.encode("kumquat")) == ["kumquat"]
    assert still.vocabulary.encode("hapax").tolist() == [still.vocabulary.unknown]
    table = weights(pretrained.model)["embedding.weight"]
    own = weights(still.model)["embedding.weight"]
    torch.testing.assert_close(own[:known], table)
    torch.testing.assert_close(own[still.vocabulary.encode("kumquat")[0]], table.mean(0))
    assert np.array_equal(elman.load("run").predict_proba(["a kumquat"]), still.predict_proba(["a kumquat"]))


def test_gradual_unfreezing_resumes_to_the_same_bits(here, pretrained, monkeypatch):
    from elman.train import progress

    options = SMALL | {"hidden_size": 128, "pretrained": Path("lm"), "epochs": 4}
    SequenceClassifier(**options).train("a.csv", "whole")
    monkeypatch.setattr(progress, "Silent", lambda: interrupt_at(30))
    with pytest.raises(KeyboardInterrupt):
        SequenceClassifier(**options).train("a.csv", "run")
    monkeypatch.undo()
    monkeypatch.chdir(here)
    elman.resume("run")
    assert timeless(here / "run") == timeless(here / "whole")


def test_a_default_that_is_given_as_a_flag_is_refused_alike(here, pretrained, capsys):
    for flags in (["--hidden-size", "128"], ["--embedding-size=100"]):
        assert main(["train", "classification", "a.csv", "--pretrained", "lm", *flags]) == 2
        assert f"{flags[0].partition('=')[0]} must be" in capsys.readouterr().err


def test_a_default_that_a_recipe_gives_is_refused_alike(here, pretrained, capsys):
    (here / "recipe.yaml").write_text("hidden-size: 128\n")
    assert main(["train", "classification", "a.csv", "--pretrained", "lm", "--config", "recipe.yaml"]) == 2
    assert "--hidden-size must be" in capsys.readouterr().err


def test_flags_that_contradict_the_language_model_are_refused(here, pretrained):
    for options, message in (
        ({"hidden_size": 9}, "--hidden-size must be 7, as in lm, or not given. Got 9"),
        ({"cell": "elman"}, "--cell must be 'gru', as in lm"),
        ({"level": "bytes"}, "--level must be 'words', as in lm"),
    ):
        with pytest.raises(InputError, match=message):
            SequenceClassifier(epochs=1, pretrained=Path("lm"), **options).train("a.csv")
    trained("a.csv")
    with pytest.raises(
        InputError, match=r"--pretrained must be a run of language-model. Got one of classification"
    ):
        SequenceClassifier(pretrained=Path("run")).train("a.csv")
    with pytest.raises(InputError, match="nowhere: no such run folder"):
        SequenceClassifier(pretrained=Path("nowhere")).train("a.csv")


# Real reviews


def test_a_slice_of_real_reviews_is_learnt_better_than_the_majority(shared):
    """600 sentences of the Stanford treebank, and 300 others."""

    def read(name: str, number: int) -> tuple[list[str], list[int]]:
        lines = (shared / "sst" / name).read_text("utf-8").splitlines()[:number]
        return [line[2:] for line in lines], [int(line[0]) for line in lines]

    x, y = read("stsa.binary.train", 600)
    with warnings.catch_warnings():
        task = SequenceClassifier(hidden_size=32, epochs=5, word_split="spaces", seed=1).fit(x, y)
    new_x, new_y = read("stsa.binary.dev", 300)
    assert task.score(new_x, new_y) > max(np.mean(new_y), 1 - np.mean(new_y)) + 0.08


def test_numbers_far_from_zero_are_told_apart_as_well():
    X, y = np.random.default_rng(0).normal(size=(40, 5, 2)), [0, 1] * 20
    X[1::2, -1, 0] += 4
    near, far = (
        SequenceClassifier(**SMALL).fit(X + offset, y).predict_proba(X + offset) for offset in (0, 1e8)
    )
    np.testing.assert_allclose(near, far, atol=1e-4)

"""What the classifier refuses, by name: examples, options, files and folders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_classifier import GOOD, TINY, X, Y, fitted, numbers, trained

from elman.errors import InputError
from elman.tasks.classification.facts import ClassificationFacts
from elman.tasks.classification.task import SequenceClassifier

BAD: list[tuple[Any, Any, str]] = [
    ("one text", Y, r"X must be a list of texts. Got one text; give \[text\]"),
    (X, None, "y: labels are needed"),
    (X, "01" * 30, "y must be a list of labels. Got '0101"),
    (X, [1, 1.0] * 30, r"y\[1\]: label 1.0 cannot be distinguished from 1"),
    (X, Y[:-1], "y must have a label for each of 60 examples of X. Got 59"),
    ([*X[:-1], "  "], Y, r"X\[59\]: the text must not be empty"),
    ([*X[:-1], 3], Y, r"X\[59\] must be a text"),
    ([*X[:-1], ("a", "b")], Y, r"X\[59\] must be a text. Got"),
    ([("a", "b"), ("a",)], [0, 1], r"X\[1\] must be a pair of texts"),
    (X, ["pos"] * 60, r"^y: there must be at least two different labels. Got pos"),
    (X, [*Y[:-1], None], r"y\[59\]: a label must be a text or a finite number. Got None"),
    (X, [*Y[:-1], ""], r"y\[59\]: a label must be a text or a finite number. Got ''"),
    (X, [*Y[:-1], float("nan")], r"y\[59\]: a label must be a text or a finite number. Got nan"),
    (X, [["pos"], *Y[1:]], r"y\[1\]: must be a list of labels, like the others"),
    (np.zeros((2, 3, 0)), [0, 1], "no axis of size 0"),
]


@pytest.mark.parametrize(("x", "y", "message"), BAD, ids=[row[2][:40] for row in BAD])
def test_what_cannot_be_learnt_from_is_named(x, y, message):
    with pytest.raises(InputError, match=message):
        fitted(x, y)


def test_other_kinds_and_labels_are_refused_later():
    task = fitted()
    with pytest.raises(
        InputError, match=r"X\[0\]: must be texts, like the training part. Got pairs of texts"
    ):
        task.predict([("a", "b")])
    with pytest.raises(InputError, match="Got sequences of 2 features"):
        task.predict(np.zeros((2, 3, 2)))
    numeric = fitted(*numbers())
    with pytest.raises(InputError, match="must be sequences of 2 features"):
        numeric.predict(X)
    with pytest.raises(InputError, match=r"^X\[0\]: must have one label, like the training part. Got a list"):
        task.score(X, [[label] for label in Y])
    with pytest.raises(InputError, match=r"^lengths must be None with texts"):
        task.predict_proba(X, lengths=[1] * 60)
    assert task.predict_proba(["", "words never seen"]).shape == (2, 2)  # what is empty has an answer too


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
        ((X[:1], ["so-so"]), r"validation: X\[0\]: label 'so-so' is not in the training part"),
        (([None], ["pos"]), r"validation: X\[0\] must be a text, a pair of texts or numbers"),
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


def test_facts_have_a_vocabulary_if_and_only_if_texts_are_read():
    texts, steps = fitted(epochs=1).facts, fitted(*numbers(), epochs=1).facts
    for scheme, vocabulary in ((texts.scheme, None), (steps.scheme, texts.vocabulary)):
        with pytest.raises(
            InputError, match=r"^facts: there must be a vocabulary for texts, and for texts only"
        ):
            ClassificationFacts(scheme, vocabulary)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"columns": ("gain,depth",)}, "has no column 'depth'. Its columns: gain, noise"),
        ({"ignore_columns": ("depth",)}, "has no column 'depth'. Its columns: gain, noise"),
        ({"label_column": "kind"}, "has no column 'kind'; columns: gain, noise"),
        (
            {"label_column": "noise"},
            "beside 'noise' it has no column 'text' of texts nor 'unique_id' of numeric",
        ),
        ({"text_column": "words"}, "has no column 'words' of texts (training's"),
        ({"id_column": "probe"}, "has no column 'probe' of numeric sequences (training's"),
    ],
)
def test_of_a_table_that_is_neither_the_column_that_was_named_is_told(here, options, told):
    Path("t.csv").write_text("gain,noise\n" + "".join(f"{k}.5,{k * k}.25\n" for k in range(20)))
    with pytest.raises(InputError) as error:
        trained("t.csv", **options)
    assert str(error.value).startswith(f"t.csv: {told}")


FILES: dict[str, tuple[str | bytes, str]] = {
    "no rows.csv": ("text,label\n", "has no rows"),
    "columns.csv": (
        "texts,label,more\na,b,c\n",
        "has no column 'text' of texts nor 'unique_id' of numeric sequences",
    ),
    "label.csv": ("text,tag,more\na,b,c\n", "has no column 'label'; columns: text, tag, more"),
    "empty text.csv": ("text,label\na,x\n,y\n", "row 3, column 'text': must not be empty"),
    "white text.csv": ('text,label\na,x\n"  ",y\n', "row 3, column 'text': must not be empty"),
    "empty label.csv": ("text,label\na,x\nb,\n", "row 3, column 'label': must not be empty"),
    "one label.csv": (
        "text,label\na b,x\nb c,x\nc d,x\nd e,x\n",
        "row 2: there must be at least two different labels. Got x",
    ),
    "lines.txt": ("pos good\nbad\n", "line 2: must be a label, a space or tab, and a text. Got 'bad'"),
    "label only.txt": ("pos good\nneg  \n", "line 2: must be a label, a space or tab, and a text"),
    "nothing.txt": ("", "has no lines"),
    "latin.txt": (
        b"neg a\npos caf\xe9\n",
        r"line 2: text must be UTF-8. Byte 13 is 0xE9 .*--encoding cp1252",
    ),
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
    with pytest.raises(
        InputError, match=r"every part needs at least .* Got 2 examples with 2 different labels"
    ):
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

"""The verb of the classifier, and what explains an answer."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_classifier import GOOD, TINY, X, Y, fitted, numbers, said

import elman
from elman.cli import main
from elman.errors import InputError
from elman.tasks.classification import data as labelled_data
from elman.tasks.classification.options import Classify
from elman.tasks.classification.task import SequenceClassifier


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

    class Typing(io.BytesIO):
        def read1(self, *_):
            asked.append(capsys.readouterr().out)
            return self.readline()

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Typing("\n".join([*lines, ""]).encode())))
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
    assert capsys.readouterr().err == (
        "elman: standard input: line 2: must be UTF-8. Byte 4 is 0xE9. --encoding cp1252 is likely.\n"
    )


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


def test_an_empty_text_has_its_answer_and_is_told(run, caplog):
    caplog.set_level("INFO", "elman")
    Path("gaps.txt").write_text("the good cat\n\na bad dog\n  \n")
    assert len(list(run.classify("gaps.txt"))) == 4
    told = "the text is empty{}; the answer is what the model says of no text"
    assert caplog.messages == [f"gaps.txt: line 2: {told.format(', the first of 2')}"]
    caplog.clear()
    assert len(list(run.classify(lines=iter(["a cat", "", " "])))) == 3
    assert caplog.messages == [f"line 2: {told.format('')}"]


def test_lines_in_memory_are_answered_like_those_of_a_file(run):
    Path("lines.txt").write_text("the good cat\na bad dog\n")
    answers = list(run.classify(lines=iter(["the good cat", "a bad dog\n"]), explain=True))
    assert [answer["label"] for answer in answers] == ["pos", "neg"]
    assert [answer["words"] for answer in answers] == [run.explain("the good cat"), run.explain("a bad dog")]
    for answer, other in zip(answers, run.classify("lines.txt"), strict=True):
        assert set(other) == {"label", "probabilities"}
        assert other["probabilities"] == pytest.approx(answer["probabilities"])
    for given, got in (({}, "neither"), ({"data": "lines.txt", "lines": []}, "both")):
        with pytest.raises(InputError, match=rf"^give either data \(files\) or lines\. Got {got}\.$"):
            run.classify(**given)


def test_explaining_points_at_the_word_that_decides(run, capsys):
    for text_, word in (("the good cat sat", "good"), ("a bad dog ran on", "bad")):
        (pieces,) = run.explain(text_)
        assert [piece for piece, _ in pieces] == text_.split()
        assert max(pieces, key=lambda piece: piece[1])[0] == word
        shown = said(capsys, "classify", "run", "--text", text_, "--explain").splitlines()[1]
        assert f"{word}[+++]" in shown
    answer = json.loads(said(capsys, "classify", "run", "--text", "the good cat", "--explain", "--json"))
    assert [piece for piece, _ in answer["predictions"][0]["words"][0]] == ["the", "good", "cat"]


def test_explaining_shows_words_as_typed_and_what_the_signs_mean(run, capsys, caplog):
    caplog.set_level("INFO", "elman")
    assert main(["classify", "run", "--text", "the zebra sat good", "--explain"]) == 0
    captured = capsys.readouterr()
    assert "<unk>" not in captured.out
    assert captured.out.splitlines()[1].count("zebra") == 1
    assert "words with [+] to [+++] support the label, those with [-] to [---] oppose it" in caplog.text
    (pieces,) = run.explain("the zebra <unk> giraffe cat")
    assert [piece for piece, _ in pieces][1::2] == ["zebra", "giraffe"]


def test_what_is_no_text_cannot_be_explained(run):
    for given in (["the good", "cat"], None, 5):
        with pytest.raises(InputError, match=r"^text must be a text. Got "):
            run.explain(given)


def test_examples_in_memory_are_evaluated_as_those_of_files(run):
    wanted = run.evaluate("a.csv")
    assert run.evaluate(X=X, y=Y) == wanted
    assert run.score(X, Y) == wanted["accuracy"]
    for given in ({}, {"data": "a.csv", "X": X, "y": Y}, {"data": "a.csv", "y": Y}):
        got = "both" if given else "neither"
        with pytest.raises(InputError, match=rf"^give either data \(files\) or X and y. Got {got}\.$"):
            run.evaluate(**given)
    with pytest.raises(InputError, match=r"^y: labels are needed"):
        run.evaluate(X=X)
    with pytest.raises(InputError, match=r"^X must be texts"):
        run.evaluate(y=Y)
    with pytest.raises(InputError, match=r"^data must be at least one path. Got \[\]"):
        run.evaluate([])


def test_a_look_reads_a_few_examples_of_each_part(run, monkeypatch):
    monkeypatch.setattr(labelled_data, "_LOOKED_AT", 5)
    task = elman.load("run")
    encoded, encode = [], type(task.vocabulary).encode
    monkeypatch.setattr(
        type(task.vocabulary), "encode", lambda self, text: encoded.append(text) or encode(self, text)
    )
    sample = task.excerpt()
    assert [len(part) for part in task.data.examples.values()] == [48, 6, 6]
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


def test_numbers_cannot_be_explained_nor_typed(here, capsys, caplog):
    caplog.set_level("INFO", "elman")
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
    assert "support the label" not in caplog.text  # no legend of what is not there


def test_a_label_with_a_tab_or_a_line_end_stays_in_its_cell():
    names = {"pos": "good\tvery\n", "neg": "坏"}
    task = fitted(y=[names[y] for y in Y], epochs=1)
    (line,) = Classify(single="a film").text(task)
    assert line.count("\n") == 1
    assert line.count("\t") == 2
    assert "good\\tvery\\n=" in line
    assert "坏=" in line

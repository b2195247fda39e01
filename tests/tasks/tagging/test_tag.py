"""``elman tag``: what it keeps of files, texts, streams, and what it refuses."""

import io
import json
import sys
from types import SimpleNamespace

import pytest

from elman.cli import main
from elman.errors import InputError
from elman.tasks.tagging.printing import Printer

COLUMNS = "-DOCSTART- x\n\nthe\tD\nAnna\tN\n\n# a note\nBen\tN\nCora7\tN\n1950\tC\n"
FOUND = """\
-DOCSTART- x

the\tD\tO
Anna\tN\tB-PER

# a note
Ben\tN\tB-PER
Cora7\tN\tI-PER
1950\tC\tB-YEAR

"""


def said(capsys, *arguments):
    status = main([*map(str, arguments)])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    return captured.out


def typed(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))


def test_it_learns_what_there_is_to_learn(trained):
    assert trained.results["test"]["f1"] > 0.95
    assert set(trained.results["tags"]) == {"PER", "YEAR"}


def test_columns_are_kept(trained, tmp_path, capsys):
    path = tmp_path / "new.tsv"
    path.write_text(COLUMNS)
    assert said(capsys, "tag", trained.folder, path) == FOUND
    path.write_text("the\nAnna\n")
    assert said(capsys, "tag", trained.folder, path) == "the\tO\nAnna\tB-PER\n\n"


def test_objects_are_kept(trained, tmp_path, capsys):
    path = tmp_path / "new.jsonl"
    lines = [{"id": 1, "tokens": ["the", "Anna"]}, {"text": "a Ben Dan3 sat", "source": "x"}]
    path.write_text("\n".join(map(json.dumps, lines)))
    first, second = map(json.loads, said(capsys, "tag", trained.folder, path).splitlines())
    assert first["id"] == 1
    assert first["predicted"]["tags"] == ["O", "B-PER"]
    span = {"label": "PER", "words": [1, 3], "start": 2, "end": 10, "text": "Ben Dan3"}
    assert second["predicted"]["spans"] == [span]
    assert second["source"] == "x"


def test_texts_are_divided_into_words(trained, tmp_path, capsys, monkeypatch):
    assert said(capsys, "tag", trained.folder, "--text", "the Anna  1950") == (
        "the\tO\nAnna\tB-PER\n1950\tB-YEAR\n\n"
    )
    path = tmp_path / "new.txt"
    path.write_text("the Ben sat\nAnna ran\n")
    found = json.loads(said(capsys, "tag", trained.folder, path, "--json"))
    assert [each["words"] for each in found["sequences"]] == [["the", "Ben", "sat"], ["Anna", "ran"]]
    typed(monkeypatch, "the\n\nAnna ran")
    assert said(capsys, "tag", trained.folder) == "the\tO\n\n\nAnna\tB-PER\nran\tO\n\n"


def test_a_terminal_shows_spans_in_colours(trained):
    (answer,) = trained.tag(texts=["the Ben Dan3  sat"])
    printed = Printer(trained.facts.tags, in_terminal=True, probabilities=False)(answer)
    assert printed == "the \x1b[1;34mBen Dan3\x1b[0m\x1b[2m PER\x1b[0m  sat\n"


def test_probabilities_sum_to_one_and_agree(trained, tmp_path, capsys):
    (p,) = trained.predict_proba([["the", "Anna", "1950"]])
    assert p.shape == (3, 4)
    assert p.sum(1) == pytest.approx(1, abs=1e-5)
    assert [trained.classes_[k] for k in p.argmax(1)] == ["O", "B-PER", "B-YEAR"]
    path = tmp_path / "new.tsv"
    path.write_text("the\tD\n")
    line = said(capsys, "tag", trained.folder, path, "--probabilities").splitlines()[0]
    assert line.startswith("the\tD\tO\tO=")
    found = json.loads(said(capsys, "tag", trained.folder, path, "--probabilities", "--json"))
    assert found["sequences"][0]["probabilities"][0]["O"] == pytest.approx(p[0].max(), abs=0.05)


def test_a_stream_answers_line_by_line(trained, capsys, monkeypatch):
    typed(monkeypatch, "the D\nAnna N\n\n1950 C\n")
    assert said(capsys, "tag", trained.folder, "--stream") == "the D O\nAnna N B-PER\n\n1950 C B-YEAR\n"
    read = []

    def rows():
        for word in ("the", "Anna"):
            read.append(word)
            yield word

    answers = trained.tag_stream(rows())
    assert next(answers) == "the\tO"
    assert read == ["the"]


def test_what_it_refuses(trained, tmp_path, capsys, monkeypatch):
    path = tmp_path / "new.conll"
    path.write_text("the D\nAnna\nBen N\n")
    with pytest.raises(InputError, match=r"line 2: must have 2 columns"):
        list(trained.tag(path, form="columns"))
    with pytest.raises(InputError, match="no such file"):
        list(trained.tag(tmp_path / "none"))
    for arguments, message in (
        ([path, "--text", "x"], "--text and a file exclude each other"),
        ([path, "--stream"], "--stream reads standard input; it takes neither a file nor --text"),
        (["--text", " "], "--text: the text must not be empty"),
        (["--stream", "--json"], "--stream and --json exclude each other"),
    ):
        assert main(["tag", str(trained.folder), *map(str, arguments)]) == 2
        assert message in capsys.readouterr().err
    typed(monkeypatch, "a D\nb\n")
    assert main(["tag", str(trained.folder), "--stream"]) == 2
    assert (
        "standard input: line 2: must have 2 columns, like the first. Got 1: 'b'." in capsys.readouterr().err
    )


def test_tables_of_words_are_kept(trained, tmp_path, capsys):
    path = tmp_path / "new.csv"
    path.write_text("sentence,word,x\n1,the,a\n,Anna,b\n2,1950,c\n")
    assert said(capsys, "tag", trained.folder, path) == (
        "sentence,word,x,predicted\n1,the,a,O\n,Anna,b,B-PER\n2,1950,c,B-YEAR\n"
    )
    found = json.loads(said(capsys, "tag", trained.folder, path, "--json"))["sequences"]
    assert [each["tags"] for each in found] == [["O", "B-PER"], ["B-YEAR"]]
    path.write_text("words\n\"['the', 'Anna']\"\n")
    assert said(capsys, "tag", trained.folder, path) == "words,predicted\n\"['the', 'Anna']\",O B-PER\n"

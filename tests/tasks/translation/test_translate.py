"""What the translator learns, answers and draws, and how it is used wrongly."""

import gzip
import io
import json
import sys

import numpy as np
import polars as pl
import pytest
from tiny import GERMAN, SMALL, WORDS, sentences

import elman
from elman.cli import main
from elman.errors import InputError
from elman.tasks.translation.task import Translator


def test_it_learns_to_translate(task):
    results = task.results
    assert results["test"]["bleu"] > 90 > results["baselines"]["words one by one"]["bleu"]
    assert results["baselines"]["copying the source"]["bleu"] < 5
    assert results["test"]["pairs"] == 50
    right = 0
    for seed in range(20):
        words = np.random.default_rng([9, seed]).choice(WORDS, 4)
        (found,) = task.translate([" ".join(words)])
        right += found == " ".join(GERMAN[word] for word in words[::-1])
    assert right >= 18
    report = task.report()
    for name in ("copying the source", "words one by one", "this model, greedy", "this model", "tok:13a"):
        assert name in report


def test_a_picture_shows_where_it_looked(task, folder, tmp_path, monkeypatch):
    assert (folder / "attention.png").exists()
    drawn = []
    monkeypatch.setattr("elman.tasks.translation.writer.draw_attention", lambda *given: drawn.append(given))
    verb = task.verb(single="the big cat ran", plot=tmp_path / "it.png")
    assert "".join(verb.text(task)) == "lief Kater großer der\n"
    ((looked, source, target, path),) = drawn
    assert (source, target) == (
        ["the", "big", "cat", "ran", "</s>"],
        ["lief", "Kater", "großer", "der", "</s>"],
    )
    assert looked.shape == (5, 5)
    assert looked.sum(1) == pytest.approx(np.ones(5), abs=1e-5)
    assert path == tmp_path / "it.png"
    monkeypatch.undo()
    task.draw("the cat", "Kater der", tmp_path / "it.pdf")
    assert (tmp_path / "it.pdf").read_bytes().startswith(b"%PDF")


UNLIKE = pytest.mark.filterwarnings("ignore:.* is unlike the training sources")
TEXTS = ["the big cat ran", "", "a dog", "  ", "the mat on the cat on the dog on the red mat", "dog"]


def test_many_texts_are_translated_as_one_by_one(task, monkeypatch):
    for options in ({}, {"beam": 1}, {"beam": 3, "nbest": 3, "length_penalty": 0.5}):
        together = task.nbest(TEXTS, **options)
        assert [found[0].text for found in together[1:4:2]] == ["", ""]
        for text, found in zip(TEXTS, together, strict=True):
            (alone,) = task.nbest([text], **options)
            assert [t.text for t in alone] == [t.text for t in found]
            assert [t.score for t in alone] == pytest.approx([t.score for t in found], abs=1e-4)
            assert [t.score for t in found] == sorted((t.score for t in found), reverse=True)
            assert len(found) == (options.get("nbest", 1) if text.strip() else 1)


def test_no_beam_is_worse_than_greedy(task):
    texts = [line.partition("\t")[0] for line in sentences(40, seed=3).splitlines()]
    # nonsense too, of which the model is less sure
    texts += [" ".join(text.split()[::-1] * 2) for text in texts]
    greedy = task.nbest(texts, beam=1)
    for beam in (2, 5):
        wide = task.nbest(texts, beam=beam)
        assert all(w[0].score >= g[0].score - 1e-4 for w, g in zip(wide, greedy, strict=True))


@UNLIKE
def test_lengths_keep_the_ratios(task):
    source = "the big cat ran on"
    for low, high in ((0, 0.2), (3, 4)):
        for found in task.nbest([source], min_ratio=low, max_ratio=high, nbest=5)[0]:
            assert max(1, 5 * low) <= len(found.text.split()) <= int(5 * high) + 10
    assert task.translate(["xyzzy"], max_ratio=0.0)[0]


@UNLIKE
def test_the_unknown_is_never_written(tmp_path):
    """Though most words of the training are unknown."""
    (tmp_path / "pairs.tsv").write_text(sentences(60))
    task = Translator(**SMALL, level="words", vocab_size=8, split=(0.8, 0.1, 0.1)).train(
        tmp_path / "pairs.tsv"
    )
    unknown = task.target_vocabulary.unknown
    known = set(task.target_vocabulary.decode(np.arange(unknown + 1, len(task.target_vocabulary))).split())
    for options in ({"beam": 4, "nbest": 4}, {"temperature": 5.0, "nbest": 20, "seed": 0}):
        for (text, _), *_ in task.nbest(["the cat", "zebra zebra"], **options):
            assert set(text.split()) <= known


def test_drawn_translations(task):
    def drawn(**options):
        found = task.nbest(["the big cat", "a dog"], temperature=1.5, nbest=6, **options)
        assert [len(each) for each in found] == [6, 6]
        return [[t.text for t in each] for each in found]

    assert drawn(seed=1) == drawn(seed=1)
    assert drawn(seed=1) != drawn(seed=2)
    assert len(set(drawn(seed=1)[0])) > 1
    (greedy,) = task.translate(["the big cat"], beam=1)
    assert drawn(seed=3, top_k=1)[0] == [greedy] * 6


def test_a_seed_draws_the_same_answers_to_a_line_whatever_stands_around_it(task):
    how = {"temperature": 1.5, "nbest": 4, "seed": 1}
    together = dict(zip(TEXTS, task.nbest(TEXTS, **how), strict=True))
    backwards = dict(zip(TEXTS[::-1], task.nbest(TEXTS[::-1], **how), strict=True))
    for text in TEXTS:
        (alone,) = task.nbest([text], **how)
        for found in (together, backwards):
            assert [t.text for t in found[text]] == [t.text for t in alone]


class Column(list):
    """Texts that are indexed by something else than their place, as a pandas column's may be."""

    def __getitem__(self, k):
        return super().__getitem__(len(self) - 1 - k)


def test_texts_come_in_whatever_holds_them_in_order(task):
    wanted = task.translate(TEXTS)
    assert len(set(wanted)) > 3
    for texts in (Column(TEXTS), tuple(TEXTS), np.array(TEXTS), (text for text in TEXTS)):
        assert task.translate(texts) == wanted
    there = task.translate(unordered := set(TEXTS))
    assert there == task.translate(list(unordered))
    frame = pl.DataFrame({"text": TEXTS})
    assert task.translate(frame["text"]) == wanted
    for texts, got in [
        ("a dog", "one text; give"),
        (b"a dog", "one text; give"),
        (None, "NoneType"),
        (5, "int"),
        (frame, r"DataFrame; give one column, such as df\['text'\]"),
        ({"text": TEXTS}, r"dict; give one column"),
    ]:
        with pytest.raises(InputError, match=f"texts must be a list of texts. Got {got}"):
            task.translate(texts)
    for text, got in ((b"a", "bytes"), (float("nan"), "float"), (None, "NoneType")):
        with pytest.raises(InputError, match=f"text 1: must be a text. Got {got}"):
            task.translate(["a", text])


def test_options_that_a_call_has_not_are_named(task, tmp_path):
    for call in ("translate", "nbest"):
        with pytest.raises(InputError, match=f"{call} has no option 'beam_size'$"):
            getattr(task, call)(["a dog"], beam_size=3)
        with pytest.raises(InputError, match="--beam must be"):
            getattr(task, call)(["a dog"], beam=0)
    with pytest.raises(InputError, match=r"translate returns only the best translation; nbest\(\) returns"):
        task.translate(["a dog"], nbest=3)
    assert [len(found) for found in task.nbest(["a dog", ""], nbest=3)] == [3, 1]
    for call in (
        lambda: Translator().draw("a dog", "Hund ein", tmp_path / "it.png"),
        lambda: Translator().nbest([]),
    ):
        with pytest.raises(InputError, match="Translator is not fitted yet"):
            call()


def test_a_picture_goes_to_a_path_of_any_kind(task, tmp_path):
    task.draw("the cat", "Kater der", str(tmp_path / "it.svg"))
    assert (tmp_path / "it.svg").exists()
    with pytest.raises(InputError, match="path must be a file ending in"):
        task.draw("the cat", "Kater der", "it.xyz")
    with pytest.raises(InputError, match=r"source: must be a text\. Got NoneType"):
        task.draw(None, "Kater der", tmp_path / "it.svg")


def test_pairs_in_memory_are_evaluated_as_those_of_a_file(task, tmp_path):
    (tmp_path / "other.tsv").write_text(sentences(8, seed=4))
    sources, targets = zip(*(line.split("\t") for line in sentences(8, seed=4).splitlines()), strict=True)
    assert task.evaluate(sources=iter(sources), targets=targets) == task.evaluate(tmp_path / "other.tsv")
    for given, got in [
        ({}, "neither"),
        ({"data": tmp_path / "other.tsv", "sources": sources, "targets": targets}, "both"),
    ]:
        with pytest.raises(
            InputError, match=rf"give either data \(files\) or sources and targets\. Got {got}"
        ):
            task.evaluate(**given)
    with pytest.raises(InputError, match=r"targets must be a list of texts\. Got NoneType"):
        task.evaluate(sources=sources)


def run(monkeypatch, capsys, arguments, content=""):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    status = main(["translate", *map(str, arguments)])
    out, error = capsys.readouterr()
    return status, out, error


@UNLIKE
def test_lines_in_lines_out(folder, task, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("elman.tasks.translation.writer._TOGETHER", 2)
    content = "the cat\n\na dog ran\n   \nthe mat\nxyzzy"
    wanted = task.translate(content.split("\n"))
    assert wanted[0] == "Kater der"
    _, out, _ = run(monkeypatch, capsys, [folder], content)
    assert out.split("\n") == [*wanted, ""]
    (tmp_path / "it.gz").write_bytes(gzip.compress(content.encode()))
    assert run(monkeypatch, capsys, [folder, tmp_path / "it.gz"])[1] == out
    _, said, _ = run(monkeypatch, capsys, [folder, "--json", "--nbest", "2", "--beam", "5"], content)
    answers = json.loads(said)["translations"]
    assert [answer["source"] for answer in answers] == content.split("\n")
    assert [answer["translations"][0]["text"] for answer in answers] == wanted
    _, listed, _ = run(monkeypatch, capsys, [folder, "--nbest", "2"], content)
    rows = [line.split("\t") for line in listed.splitlines()]
    assert [row[0] for row in rows] == ["1", "1", "2", "3", "3", "4", "5", "5", "6", "6"]
    assert [row[2] for row in rows] == [t["text"] for a in answers for t in a["translations"]]
    for row, each in zip(rows, (t for a in answers for t in a["translations"]), strict=True):
        assert float(row[1]) == pytest.approx(each["score"], abs=1e-3)


def test_wrong_use_ends_in_one_line(folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "bad.txt").write_bytes(b"the cat\n\xff\n")
    for arguments, message in [
        ([tmp_path / "missing"], "missing: the file cannot be read: No such file"),
        ([tmp_path / "bad.txt"], "bad.txt: line 2: must be UTF-8. Byte 1 is 0xFF"),
        ([tmp_path / "bad.txt", "--text", "x"], "--text and a file exclude each other"),
        (["--plot", "it.png"], "--plot must be given together with --text"),
        (["--text", "x", "--plot", "it.txt"], "--plot must be a file ending in .png, .svg, .pdf"),
        (["--text", " "], "--text: must not be empty"),
        (["--nbest", "6"], "--nbest must be an int in [1, 5]. Got 6"),
        (["--beam", "0"], "--beam must be"),
        (["--length-penalty", "nan"], "--length-penalty must be"),
        (["--min-ratio", "3"], "--min-ratio must be in [0, --max-ratio]. Got 3.0"),
        (["--repetition-penalty", "0.5"], "--repetition-penalty must be"),
        (["--temperature", "-1"], "--temperature must be"),
        (["--top-p", "0"], "--top-p must be"),
    ]:
        status, _, error = run(monkeypatch, capsys, [folder, *arguments])
        assert status == 2, arguments
        assert message in error
        assert len(error.splitlines()) == 1
    task = elman.load(folder)
    with pytest.raises(InputError, match="texts must be a list of texts"):
        task.translate("the cat")
    with pytest.raises(InputError, match=r"text 1: must not hold control characters\. Got U\+000A"):
        task.translate(["the cat", "a\nb"])

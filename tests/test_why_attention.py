"""The example that shows why attention came: it trains two networks once and goes on where it stopped."""

import runpy
import sys
from pathlib import Path

import pytest

import elman

EXAMPLE = Path(__file__).parent.parent / "examples/why_attention.py"
SMALL = ("--pairs", "300", "--epochs", "1", "--hidden-size", "8")


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["why_attention.py", *SMALL, *arguments])
        monkeypatch.chdir(tmp_path)
        runpy.run_path(str(EXAMPLE), run_name="__main__")
        return capfd.readouterr().out

    return run


def test_both_networks_are_trained_once_and_drawn(call, tmp_path):
    said = call()
    folder = tmp_path / "runs/why-attention"
    assert sorted(path.name for path in folder.iterdir()) == [
        "why_attention.png",
        "with-attention",
        "without",
    ]
    head, names, *rows, picture = said.splitlines()
    assert head == "BLEU by length of the sentence, 15 test pairs"
    assert names.split() == ["words", "with", "attention", "without"]
    assert 3 <= len(rows) <= 6
    assert all(len(row.split()) == 3 for row in rows)
    assert picture == "picture  runs/why-attention/why_attention.png"
    steps = [elman.load(folder / name).results["steps"] for name in ("with-attention", "without")]
    assert steps[0] == steps[1] > 0
    before = (folder / "without/history.jsonl").stat().st_mtime_ns
    assert call() == said
    assert (folder / "without/history.jsonl").stat().st_mtime_ns == before
    with pytest.raises(
        SystemExit, match="with-attention: was trained with other options; give another --out"
    ):
        call("--seed", "1")


def test_pairs_of_ones_own(call, tmp_path):
    example = runpy.run_path(str(EXAMPLE))
    rows = zip(*example["made"](300, 5), strict=True)
    (tmp_path / "mine.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in rows))
    assert "picture" in call("mine.tsv", "--out", "mine")
    assert (tmp_path / "mine/without/results.json").exists()


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        (0, "zero", "null"),
        (1, "one", "eins"),
        (100, "one hundred", "ein hundert"),
        (101, "one hundred one", "ein hundert eins"),
        (212, "two hundred twelve", "zwei hundert zwölf"),
        (421, "four hundred twenty one", "vier hundert ein und zwanzig"),
        (980, "nine hundred eighty", "neun hundert achtzig"),
    ],
)
def test_the_numbers_are_right(number, english, german):
    found = runpy.run_path(str(EXAMPLE))["words"](number)
    assert tuple(" ".join(side) for side in found) == (english, german)


def test_each_sentence_is_in_one_group():
    groups = runpy.run_path(str(EXAMPLE))["groups"]
    sources = ["a " * k for k in (1, 1, 1, 2, 3, 5, 8, 13, 21, 34)]
    ranges = groups(sources)
    assert [sum(low <= len(source.split()) <= high for low, high in ranges) for source in sources] == [1] * 10
    assert groups(["a b"] * 4) == [(2, 2)]

"""What README tells people to type works as it stands there, and so do the examples."""

import re
import runpy

import pytest
from films import square, write_film
from pages import ROOT, blocks, read, run
from sounds import tone, write_sound
from tiny import reviews, rhythm, sales, sentences, tagged
from tiny_music import rolls
from tiny_speech import recordings, sound, wav

from elman.cli import main

README = read("README.md")
COMMANDS = [
    line.partition("#")[0].strip()
    for block in blocks(README, "sh")
    for line in block.code.splitlines()
    if line.startswith("elman ")
]


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for name in ("corpus.txt", "book.txt", "more.txt"):
        (tmp_path / name).write_text("Once upon a time there was a network that read. " * 16)
    (tmp_path / "reviews.csv").write_text(reviews())
    (tmp_path / "other.txt").write_text("a network was there upon a time. ")
    (tmp_path / "sales.csv").write_text(sales(future=0))
    pairs = [line.split("\t") for line in sentences().splitlines()]
    for name, lines in zip(("train.en", "train.de"), zip(*pairs, strict=True), strict=True):
        (tmp_path / name).write_text("\n".join(lines))
    (tmp_path / "new.en").write_text("the big cat\n")
    (tmp_path / "machine.csv").write_text(rhythm(200))
    (tmp_path / "train.conll").write_text(tagged())
    (tmp_path / "chorales.json").write_text(rolls())
    for name, content in {**recordings(20), "new.wav": wav(sound("lo mi"))}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    write_film(tmp_path / "films/a.mkv", square(50, 64))
    write_film(tmp_path / "new.mp4", square(10, 64, seed=1), codec="libx264")
    for word, frequency in (("yes", 300.0), ("no", 900.0)):
        for k in range(10):
            write_sound(tmp_path / "commands" / word / f"{k}.wav", tone(frequency, 0.2, seed=k))
    for label, step in (("walk", (0, 2)), ("stand", (0, 0))):
        for k in range(10):
            write_film(tmp_path / "actions" / label / f"{k}.mkv", square(4, step=step, seed=k))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(command):
    """The command's words, quotes taken off."""
    return [re.sub(r'"(.*)"', r"\1", word) for word in re.findall(r'"[^"]*"|\S+', command)][1:]


# the sentence of the README has letters that the few words of the test's pairs lack
@pytest.mark.filterwarnings("ignore:--text is unlike the training sources")
def test_the_commands_work_one_after_another(workplace, capsys):
    assert len(COMMANDS) >= 6
    for command in COMMANDS:
        finished = command.startswith("elman resume")
        assert main(words(command)) == (2 if finished else 0), command
        error = capsys.readouterr().err
        assert not finished or "nothing to resume" in error


@pytest.mark.parametrize("block", blocks(README, "python"), ids=lambda block: f"line{block.line}")
def test_the_python_runs(workplace, block):
    run(block, "README.md", {})


def test_own_cell_in_readme_is_the_examples():
    body = (ROOT / "examples/own_cell.py").read_text()
    (block,) = [b.code for b in blocks(README, "python") if "MinimalGatedUnit" in b.code]
    step = block[block.index("    def pointwise") : block.index("layer =")].strip()
    assert step in body
    assert len(body.splitlines()) < 30


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("lstm_by_hand", "the same numbers, step by step and all at once"),
        ("char_rnn", "hello world, hello memory: a recurrent network reads one character at a time. "),
        ("regression", "R² on 200 unseen sequences: 0.99|R² on 200 unseen sequences: 1.0"),
    ],
)
def test_the_examples_do_what_they_show(example, said, capsys):
    runpy.run_path(str(ROOT / f"examples/{example}.py"))
    assert re.search(said, capsys.readouterr().out)

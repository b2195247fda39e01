"""The glossary has the words of the code, each once and in one sentence."""

import re

import pages

PAGE = pages.read("docs/glossary.md")
ENTRIES = re.findall(r"^- \*\*(.+?)\*\*: (.+(?:\n  .+)*)", PAGE, re.MULTILINE)
WORDS = """backend, batch, context, cutoff, facts, field, fold, head, horizon, lag, lengths, level, loss,
part, reading, recipe, resets, run folder, sample, state, stream, sweep, task, token, unit, unroll,
verb, window"""


def test_every_word_is_defined_once():
    words = [word.lower() for words, _ in ENTRIES for word in words.split(", ")]
    assert len(words) == len(set(words))
    assert {" ".join(word.split()) for word in WORDS.split(",")} <= set(words)
    assert len(ENTRIES) == PAGE.count("\n- ")


def test_each_entry_is_one_sentence():
    several = [
        words for words, meaning in ENTRIES if not meaning.endswith(".") or re.search(r"\.\s", meaning)
    ]
    assert not several


def test_the_letters_of_shapes_are_defined():
    letters = re.findall(r"^\| ([A-Z]) \|", PAGE, re.MULTILINE)
    assert len(letters) == len(set(letters))
    assert set("BTIHGV") <= set(letters)

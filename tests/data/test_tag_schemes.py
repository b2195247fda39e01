"""Schemes of tags: recognised, and their rules."""

import pytest

from elman.data.tag_schemes import are_spans, permitted, scheme_of, split_tag


def follows(tags, scheme):
    table = permitted(tags, scheme)
    names = [*tags, ""]
    return {(a, b) for i, a in enumerate(names) for j, b in enumerate(names) if table[i, j]}


def test_prefixes_of_all_schemes():
    assert [split_tag(tag) for tag in ("B-PER", "L-a-b", "U_x", "M", "O", "NOUN", "X-y", "")] == [
        ("B", "PER"),
        ("E", "a-b"),
        ("S", "x"),
        ("I", "_"),
        *[("O", "_")] * 4,
    ]


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("O B-a I-a", True),
        ("I-a I-b O", True),
        ("B I O", True),
        ("B M E S", True),
        ("O", False),
        ("", False),
        ("S", False),  # a sentence's label, perhaps
        ("B S", False),
        ("NOUN VERB", False),
        ("O B-a NOUN", False),
        ("I-a X-b", False),
    ],
)
def test_spans_are_recognised(tags, spans):
    assert are_spans(tags.split()) is spans


@pytest.mark.parametrize(
    ("sequences", "scheme"),
    [
        (["O B-a I-a O", "B-a B-a", "B-b"], "BIO"),
        (["O I-a I-a B-a O", "I-a I-b"], "IOB1"),
        (["B-a E-a O S-a", "B-a I-a E-a"], "IOBES"),
        (["B-a L-a O U-a"], "IOBES"),
        (["B-a", "B-a O"], "BIO"),
        (["N V", "V"], None),
        (["O O", "O"], None),
        ([], None),
        # the last one-word span is B, as no rule of IOBES has it
        (["B-a E-a O B-a", "B-a O"], None),
        (["O I-a", "B-a I-a B-b I-b", "I-b I-a"] * 3, None),
    ],
)
def test_the_scheme_of_sequences(sequences, scheme):
    assert scheme_of([each.split() for each in sequences]) == scheme


def test_a_rare_mistake_does_not_hide_the_scheme():
    right, wrong = ["O", "O", "B-a", "I-a", "O"], ["O", "I-a", "O"]
    assert scheme_of([right] * 99 + [wrong]) == "BIO"
    assert scheme_of([right] * 9 + [wrong]) is None


def test_rules_by_hand():
    tags = ["O", "B-a", "I-a", "I-b"]
    every = {(a, b) for a in [*tags, ""] for b in [*tags, ""]}
    assert follows(tags, None) == every
    assert every - follows(tags, "BIO") == {
        *(("", f"I-{k}") for k in "ab"),
        *(("O", f"I-{k}") for k in "ab"),
        ("B-a", "I-b"),
        ("I-a", "I-b"),
        ("I-b", "I-a"),
    }
    assert every - follows(tags, "IOB1") == {("", "B-a"), ("O", "B-a"), ("I-b", "B-a")}
    tags = ["O", "B-a", "I-a", "E-a", "S-a", "E-b"]
    assert follows(tags, "IOBES") == {
        *((a, b) for a in ("", "O", "E-a", "S-a", "E-b") for b in ("", "O", "B-a", "S-a")),
        *((a, b) for a in ("B-a", "I-a") for b in ("I-a", "E-a")),
    }

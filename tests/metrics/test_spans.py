"""Spans of tags: by hand, and as seqeval reads them in its mode of conlleval."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.metrics.spans import Span, SpanCounts, span_counts, spans

labels = pytest.importorskip("seqeval.metrics.sequence_labeling")
TAGS = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("PER", "MISC-2"))]
BARE = ["O", "B", "I", "E", "S"]


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ("B-a I-a O B-a B-a", [(0, 2, "a"), (3, 4, "a"), (4, 5, "a")]),
        ("I-a I-a B-a O I-b I-a", [(0, 2, "a"), (2, 3, "a"), (4, 5, "b"), (5, 6, "a")]),  # IOB1
        ("B-a I-a E-a S-b O B-b E-b", [(0, 3, "a"), (3, 4, "b"), (5, 7, "b")]),
        ("O E-a E-a I-a O", [(1, 2, "a"), (2, 3, "a"), (3, 4, "a")]),  # broken
        ("B-a U-a L-a O", [(0, 1, "a"), (1, 2, "a"), (2, 3, "a")]),
        ("B M E S", [(0, 3, "_"), (3, 4, "_")]),
        ("NOUN O", []),
        ("", []),
    ],
)
def test_spans_by_hand(tags, wanted):
    assert spans(tags.split()) == [Span(*each) for each in wanted]


def test_figures_by_hand_and_parts_that_add_up():
    truth = [["B-a", "I-a", "O"], ["B-b", "B-a"], []]
    found = [["B-a", "I-a", "O"], ["B-b", "I-b"], []]
    counts = span_counts(truth, found)
    assert counts.by_kind == {"a": (1, 1, 2), "b": (0, 1, 1)}
    assert counts.figures() == {"precision": 1 / 2, "recall": 1 / 3, "f1": 2 / 5, "spans": 3}
    assert counts.figures_by_kind()["b"] == {"precision": 0, "recall": 0, "f1": 0, "spans": 1}
    parts = [span_counts([t], [f]) for t, f in zip(truth, found, strict=True)]
    assert sum(parts, SpanCounts({})) == counts
    assert SpanCounts({}).figures() == {"precision": 0, "recall": 0, "f1": 0, "spans": 0}
    assert span_counts([["O"]], [["NOUN"]]) == SpanCounts({})


@given(st.data())
def test_spans_and_figures_equal_seqevals(data):
    tags = data.draw(st.sampled_from([TAGS, BARE]))
    rows = data.draw(st.lists(st.lists(st.tuples(*[st.sampled_from(tags)] * 2)), min_size=1, max_size=6))
    truth, found = ([[pair[k] for pair in row] for row in rows] for k in (0, 1))
    for sequence in (*truth, *found):
        wanted = [(first, last + 1, kind) for kind, first, last in labels.get_entities(sequence)]
        assert spans(sequence) == wanted
    counts = span_counts(truth, found)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ratios without a denominator
        precision, recall, f1, _ = labels.precision_recall_fscore_support(truth, found, average="micro")
        each = labels.precision_recall_fscore_support(truth, found, average=None)
    figures = counts.figures()
    assert [figures[name] for name in ("precision", "recall", "f1")] == pytest.approx([precision, recall, f1])
    assert figures["spans"] == sum(len(spans(sequence)) for sequence in truth)
    table = [list(row.values()) for row in counts.figures_by_kind().values()]
    assert table == [pytest.approx(row) for row in zip(*each, strict=True)]

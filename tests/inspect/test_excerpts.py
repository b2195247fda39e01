"""Pages of a corpus to look at, and what is written in them."""

from pathlib import Path

import numpy as np
import pytest
import torch

import elman
from elman.data.batches.tokens import excerpts
from elman.data.tokens.corpus import tokenise
from elman.data.tokens.vocab import make_vocabulary
from elman.errors import InputError

LINES = "".join(f"line {k}\n" + "\n" * (k % 4 == 3) for k in range(300))


def corpus(texts, level="characters"):
    return tokenise(texts, make_vocabulary(level, texts))


@pytest.mark.parametrize("level", ["characters", "words", "bytes", "subwords"])
def test_each_page_begins_at_a_paragraph_and_its_targets_follow(level):
    whole = corpus([LINES], level)
    batch = excerpts(whole, 4, 40)
    assert batch.inputs.values.shape == (40, 4)
    for row in range(4):
        tokens = batch.inputs.values[:, row].numpy()
        before = (whole.tokens[:-40] == tokens[0]).nonzero()[0]
        (begin,) = [b for b in before if (whole.tokens[b : b + 40] == tokens).all()]
        np.testing.assert_array_equal(batch.targets.values[:, row], whole.tokens[begin + 1 : begin + 41])
        if level != "subwords":  # whose pieces may hold more than a line's end
            assert begin == 0 or whole.vocabulary.decode(whole.tokens[:begin]).endswith("\n\n")


def test_a_short_text_is_one_page_of_all_there_is():
    batch = excerpts(corpus(["abcab"]), 8, 1000)
    assert batch.inputs.values.shape == (4, 1)
    with pytest.raises(InputError, match="at least 2 tokens"):
        excerpts(corpus(["a"]), 8, 1000)


def test_a_document_is_the_best_beginning():
    texts = ["ab\n\ncd" * 20, "xy" * 60, "ab\n\ncd" * 20]
    batch = excerpts(corpus(texts), 3, 50)
    firsts = [corpus(texts).vocabulary.decode(batch.inputs.values[:2, row].numpy()) for row in range(3)]
    assert firsts == ["ab", "xy", "ab"]


def test_texts_are_those_of_the_tokens_up_to_each_rows_end(tmp_path: Path):
    model = elman.SequenceClassifier(hidden_size=4, epochs=1, embedding_size=2, batch_size=32, min_count=1)
    model.fit(["a b, c", "d"] * 9, [0, 1] * 9)
    sample = model.excerpt()
    assert sample.unit == "words"
    lengths = sample.batch.inputs.lengths
    assert torch.equal(lengths, torch.tensor([len(row) for row in sample.texts]))
    assert {"".join(row) for row in sample.texts} == {"a b, c", "d"}

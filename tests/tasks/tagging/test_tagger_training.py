"""Training of a tagger: in memory, with further columns, and what is learnt of the data."""

import numpy as np
import pytest
from sweeps import same_bits
from tiny import tagged

import elman
from elman.errors import InputError
from elman.heads.categorical import Categorical
from elman.heads.crf import CRF
from elman.tasks.tagging.answers import TagAnswers

SMALL = {"hidden_size": 8, "batch_size": 4, "epochs": 1, "embedding_size": 4, "character_features": 6}
X = [["the", "cat", "sat"], ["a", "dog"], ["The", "dog", "ran"], ["a", "cat"]] * 8
Y = [["D", "N", "V"], ["D", "N"], ["D", "N", "V"], ["D", "N"]] * 8


def test_learns_from_memory():
    task = elman.SequenceTagger(**{**SMALL, "epochs": 8, "learning_rate": 0.02, "dropout": 0.0}).fit(X, Y)
    assert task.predict([["the", "cat"], ["a", "dog", "sat"]]) == [["D", "N"], ["D", "N", "V"]]
    assert task.score(X, Y) == 1.0
    assert task.classes_ == ("D", "N", "V")
    figures = task.evaluate(X=[*X[:1], ["the", "fox"]], y=[*Y[:1], ["D", "N"]])
    assert (figures["words"], figures["unknown_words"], figures["sentences"]) == (5, 1, 2)
    assert "f1" not in figures
    assert isinstance(task.model.head, Categorical)
    assert task.report() == "trained on all sequences; no test part"


def test_further_columns_decide_what_words_do_not():
    cells = [[str((k + t) % 2) for t in range(3)] for k in range(40)]
    words = [["x", "x", "x"]] * 40
    options = {**SMALL, "epochs": 10, "learning_rate": 0.05, "dropout": 0.0, "input_columns": ("side",)}
    task = elman.SequenceTagger(**options).fit(words, cells, inputs={"side": cells})
    assert task.score(words, cells, inputs=[cells]) == 1.0
    with pytest.raises(InputError, match="must be the cells of side"):
        task.predict(words)
    with pytest.raises(InputError, match="lack the further columns that this model reads: side"):
        list(task.tag(texts=["x x"]))


def test_spans_get_a_random_field_and_keep_to_the_rules(tmp_path):
    (tmp_path / "a.conll").write_text(tagged(20))
    task = elman.SequenceTagger(**SMALL).train(tmp_path / "a.conll")
    assert task.facts.scheme == "BIO"
    assert isinstance(task.model.head, CRF)
    plain = elman.SequenceTagger(**SMALL, head="softmax").train(tmp_path / "a.conll")
    assert isinstance(plain.model.head, Categorical)
    for each in (task, plain):  # hardly trained, they would else break them
        for tags in each.predict([["Anna", "cat", "1950", "Ben"]] * 5):
            before = ["O", *tags[:-1]]
            assert all(
                not tag.startswith("I") or b[1:] == tag[1:] for b, tag in zip(before, tags, strict=True)
            )


def test_a_tag_that_training_lacks_is_told_and_left_out(tmp_path):
    (tmp_path / "a.conll").write_text("\n\n".join(["a X\nb Y"] * 10))
    (tmp_path / "b.conll").write_text("a X\nc Z\n")
    options = {**SMALL, "split": (1.0, 0.0, 0.0), "validation": (tmp_path / "b.conll",)}
    with pytest.warns(UserWarning, match="line 1: the training part lacks tag 'Z'"):
        task = elman.SequenceTagger(**options).train(tmp_path / "a.conll")
    assert task.facts.tags == ("X", "Y")
    assert task.results["validation"]["accuracy"] <= 0.5


def test_parts_follow_the_options(tmp_path):
    (tmp_path / "a.conll").write_text(tagged(20))
    task = elman.SequenceTagger(**SMALL, split=(0.5, 0.3, 0.2)).train(tmp_path / "a.conll")
    sizes = {name: len(part) for name, part in task.data.examples.items()}
    assert sizes == {"training": 10, "validation": 6, "test": 4}
    assert task.results["test"]["sentences"] == 4
    assert task.results["validation"]["sentences"] == 6


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([["a", "b"]], [["X"]], r"y\[0\] must be of 2 elements, one for each word. Got 1"),
        ([["a"], []], [["X"], []], r"X\[1\] must be a list that is not empty"),
        (["a b"], [["X"]], r"X\[0\] must be a list of texts. Got 'a b'"),
        ([["a", None]], [["X", "Y"]], r"X\[0\] must be of texts that are not empty. Got None"),
        ([["a"]], [["X"], ["Y"]], "y must be 1 lists, as X. Got 2"),
        ("a b", [["X"]], "X: must be a list of lists of texts"),
        ([["a", "b"]], [["X", "X"]], "at least two different tags. Got X"),
    ],
)
def test_refuses_what_does_not_match(x, y, message):
    with pytest.raises(InputError, match=message):
        elman.SequenceTagger(**SMALL).fit(x, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding_size": 0}, "embedding_size must be an int in"),
        ({"word_dropout": 1.0}, "word_dropout must be in"),
        ({"character_features": -1}, "character_features must be an int in"),
        ({"input_columns": ("2", "2")}, "input_columns must be distinct columns"),
        ({"head": "argmax"}, "head must be one of"),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(InputError, match=message.replace("_", "[_-]")):
        elman.SequenceTagger(**options)


@pytest.mark.parametrize("kind", [list, np.array], ids=["Python's", "NumPy's"])
def test_whole_numbers_given_as_tags_come_back(tmp_path, kind):
    tags = [kind([10, -2]), kind([2])]
    task = elman.SequenceTagger(**SMALL).fit([["a", "b"], ["c"]], tags, out=tmp_path / "run")
    assert task.classes_ == (-2, 10, 2)
    for each in (task, elman.load(tmp_path / "run")):
        found = [tag for row in each.predict([["a", "b"], ["c"]]) for tag in row]
        assert {*found} <= {-2, 10, 2}
        assert all(type(tag) is int for tag in found)
    assert 0 <= task.score([["a", "b"], ["c"]], tags) <= 1
    mixed = elman.SequenceTagger(**SMALL).fit([["a", "b"]], [[1, "x"]])
    assert mixed.classes_ == ("1", "x")


def test_without_characters_words_decide():
    task = elman.SequenceTagger(**{**SMALL, "character_features": 0, "embedding_init": "random"}).fit(X, Y)
    assert task.model.embedding.characters is None
    assert len(task.predict([["the", "fox"]])[0]) == 2


def test_spans_of_the_validation_part_choose_how_readily_they_are_found(tmp_path):
    words, tags = [["one", "x", "two"]] * 60, [["O", "B-a", "O"]] * 20 + [["O", "O", "O"]] * 40
    task = elman.SequenceTagger(**{**SMALL, "epochs": 5, "learning_rate": 0.02}, head="softmax")
    task.fit(words, tags, validation=(words * 8, tags * 8))
    # half of F1 is at stake where a third of the words are spans: all of them are found, none by probability
    assert task.results["bias"] > 0
    assert task.model.bias.tolist() == [task.results["bias"], 0.0]
    assert task.predict(words[:1]) == [["O", "B-a", "O"]]
    assert task.predict_proba(words[:1])[0][1].argmax() == task.classes_.index("O")
    few = elman.SequenceTagger(**SMALL).fit(words, tags, validation=(words[:30], tags[:30]))
    assert few.results["bias"] == 0


def test_the_epoch_with_the_best_score_is_kept(monkeypatch):
    """Scores of four epochs, of which the second is the best, whatever the loss."""
    found, kept = [0.2, 0.9, 0.5, 0.6], []

    def score(answers, *_):
        kept.append({name: value.clone() for name, value in answers.model.state_dict().items()})
        return found[len(kept) - 1]

    monkeypatch.setattr(TagAnswers, "score", score)
    options = {**SMALL, "epochs": 4, "average": "none"}
    task = elman.SequenceTagger(**options).fit(X, Y, validation=(X[:4], Y[:4]))
    assert len(kept) == 4
    assert same_bits(task.model.state_dict(), kept[1])

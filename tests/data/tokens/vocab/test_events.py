"""Tokens that are no text: from lists of names through a corpus and a model to new lists of names."""

import json

import numpy as np
import pytest
import torch

from elman.cells import GRU
from elman.data.batches.tokens import TokenStreams, TokenWindows, excerpts
from elman.data.tokens.corpus import corpus_of, load_corpus
from elman.data.tokens.vocab import EventVocabulary, event_vocabulary_from_json
from elman.decode.sample import sample
from elman.errors import InputError
from elman.layers import Recurrent
from elman.models.autoregressive import Autoregressive
from elman.train.loop import Loop, evaluate
from elman.train.options import TrainingOptions

NAMES = ("note C", "note E", "note G", "wait", "bar")
VOCABULARY = EventVocabulary(NAMES, specials=("<s>",))
BAR = ["note C", "wait", "note E", "wait", "note G", "wait", "bar"]


def test_names_become_tokens_and_come_back():
    tokens = VOCABULARY.encode(["<s>", *BAR])
    assert tokens.dtype == np.uint8
    assert tokens.tolist() == [0, 1, 4, 2, 4, 3, 4, 5]
    assert VOCABULARY.decode(tokens) == BAR  # without the special
    assert VOCABULARY.pieces(tokens) == ["<s>", *BAR]
    assert len(VOCABULARY) == 6
    assert VOCABULARY.special("<s>") == 0
    assert VOCABULARY.unknown is None
    assert VOCABULARY.line_end is None
    assert VOCABULARY.encode([]).tolist() == []


def test_names_are_learnt_from_sequences():
    learnt = EventVocabulary.learn([["b", "a"], [], ["<s>", "c", "a"]], specials=["<s>"])
    assert learnt == EventVocabulary(("a", "b", "c"), specials=("<s>",))


def test_json_gives_the_same_vocabulary():
    assert event_vocabulary_from_json(json.loads(json.dumps(VOCABULARY.to_json()))) == VOCABULARY


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": []}, "at least one event"),
        ({"names": ["a", "a"]}, "must be distinct. Got 'a'"),
        ({"names": ["<s>"]}, "must be distinct. Got '<s>'"),
        ({"names": ["a", ""]}, "must have a name"),
        ({"names": ["a", 3]}, "every name must be a text. Got 3"),
        ({"names": "abc"}, "names must be a list"),
        ({"names": ["a"] * 300_001}, "at most 300000"),
        ({"lowercase": True}, "the fields must be"),
        ({"level": "words"}, r"level must be one of \['events'\]. Got 'words'"),
    ],
)
def test_json_from_anywhere_is_checked(change, message):
    with pytest.raises(InputError, match=f"^v.json: .*{message}"):
        event_vocabulary_from_json(VOCABULARY.to_json() | change, "v.json")


def test_what_is_not_in_the_vocabulary_is_refused():
    with pytest.raises(InputError, match=r"song: event 1 must be one of the 6 known. Got 'note D'\."):
        VOCABULARY.encode(["bar", "note D"], "song")
    with pytest.raises(InputError, match="events must be a list of names, not a text"):
        VOCABULARY.encode("bar")
    with pytest.raises(InputError, match=r"tokens must be in \[0, 6\). Got 6"):
        VOCABULARY.decode([6])


@pytest.mark.parametrize("stored", [False, True])
def test_a_corpus_holds_events(tmp_path, stored):
    corpus = corpus_of([BAR, [], BAR * 2], VOCABULARY, tmp_path if stored else None, "test-")
    assert corpus.starts.tolist() == [0, 7]
    assert VOCABULARY.decode(corpus.tokens) == BAR * 3
    if stored:
        assert np.array_equal(load_corpus(tmp_path, VOCABULARY, "test-").tokens, corpus.tokens)
        with pytest.raises(InputError, match=r"tokens must be in \[0, 3\)"):
            load_corpus(tmp_path, EventVocabulary(("a", "b", "c")), "test-")


def test_a_corpus_without_events_is_refused(tmp_path):
    with pytest.raises(InputError, match="needs at least one token"):
        corpus_of([[], []], VOCABULARY, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_melody_is_learnt_from_a_corpus_and_played_on():
    corpus = corpus_of([BAR * 6, BAR * 5], VOCABULARY)
    torch.manual_seed(0)
    model = Autoregressive(len(VOCABULARY), Recurrent(GRU(8, 16)))
    Loop(model, TokenStreams(corpus, 2, 10, 0), None, TrainingOptions(epochs=60, learning_rate=0.02)).run()
    model.eval()
    assert evaluate(model, TokenWindows(corpus, warm_up=7)).mean < 0.1
    # what a picture shows begins at a document, as there are no lines
    assert excerpts(corpus, 1, 5).inputs.values[:, 0].tolist() == VOCABULARY.encode(BAR[:5]).tolist()
    stream = model.stream()
    logits = [stream.step(torch.tensor([int(token)])) for token in VOCABULARY.encode(BAR + BAR[:3])][-1]
    drawn = sample(stream.step, logits, temperature=0)
    played = [int(next(drawn)) for _ in range(11)]
    assert VOCABULARY.decode(played) == [*BAR[3:], *BAR]

"""What the rules allow is a piece: written the same again, its notes ended and in range."""

from itertools import islice

import numpy as np
import pytest
import torch
from tiny_events import SONG, band, code_of

from elman.data.music.events import BAR, END
from elman.decode.events import EventGrammar
from elman.decode.sample import sample

OTHER = band((0, 3, 60, 80, 0), (0, 3, 67, 80, 0), (3, 4, 60, 80, 0), (3, 1, 40, 100, 1), meter=(4, 4))


@pytest.fixture(scope="module")
def code():
    return code_of(SONG, OTHER, transpose=3)


@pytest.fixture(scope="module")
def ranges(code):
    return code.ranges([code.encode(SONG), code.encode(OTHER)])


def pushed(grammar, tokens):
    for token in tokens:
        assert grammar.allowed()[token]
        grammar.push(int(token))


@pytest.mark.parametrize("piece", [SONG, OTHER])
def test_pieces_as_they_are_written_are_allowed(code, ranges, piece):
    tokens = code.encode(piece)
    pushed(EventGrammar(code, ranges, int((code.kind[tokens] == BAR).sum())), tokens)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_drawn_is_a_piece(code, ranges, seed):
    bars, grammar = 1 + seed % 4, EventGrammar(code, ranges, 1 + seed % 4)
    logits, drawn = torch.zeros(1, len(code.names)), []
    for token in islice(sample(lambda _: logits, logits, seed=seed, grammar=grammar), 2000):
        drawn.append(int(token))
        if code.kind[drawn[-1]] == END:
            break
    assert code.names[drawn[-1]] == "end"
    piece = code.decode(drawn)
    again = code.decode(code.encode(piece))
    np.testing.assert_array_equal(again.notes, piece.notes)
    assert again.length == piece.length
    assert int((code.kind[drawn] == BAR).sum()) == bars
    assert piece.length == bars * code.bar(piece.meter) * 120
    assert ((piece.begin + piece.duration) <= piece.length).all()
    voices = [voice for voice in code.voices if f"voice {voice}" in {code.names[token] for token in drawn}]
    for number, voice in enumerate(voices):
        low, high = ranges[code.voices.index(voice)]
        pitches = piece.pitch[piece.voice == number]
        assert ((pitches >= low) & (pitches <= high)).all()


def test_the_most_probable_events_are_as_many_bars(code, ranges):
    grammar = EventGrammar(code, ranges, 3)
    logits = torch.linspace(1, 0, len(code.names))[None]  # bars come first
    drawn = [int(t) for t in islice(sample(lambda _: logits, logits, temperature=0, grammar=grammar), 5)]
    assert code.vocabulary.pieces(drawn) == ["meter 3/4", "bar", "bar", "bar", "end"]

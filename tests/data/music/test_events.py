"""Pieces as events: written, read back, moved to other keys."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_events import SONG, STEP, TICK, band, code_of

from elman.data.music.event_batches import EventStreams, corpus_of_pieces
from elman.data.music.events import EventCode
from elman.data.music.grid import is_told_by_events
from elman.data.music.piece import DRUMS, SYMBOLS
from elman.data.music.symbols import SYMBOLS_BY_NAME, moved, sounded, symbol_of
from elman.errors import InputError

WRITTEN = [
    *("meter 3/4", "bar", "chord Am7", "voice 40.0", "note 69", "for 6", "voice 40.1", "velocity 100"),
    *("note 64", "for 2", "voice drums", "velocity 80", "drum 36", "wait 9", "voice 40.0", "note 72"),
    *("for 15", "bar", "chord D7", "wait 3", "chord -", "end"),
]


def test_a_piece_is_what_players_do_one_after_another():
    code = code_of(SONG)
    tokens = code.encode(SONG)
    assert code.vocabulary.pieces(tokens) == WRITTEN
    again = code.decode(tokens)
    assert (again.length, again.meter, again.instruments) == (24 * TICK, (3, 4), (40, 40, DRUMS, SYMBOLS))
    order = [0, 2, 1, 3]  # voices of one instrument stand together
    rows = SONG.notes
    rows[:, 4] = np.argsort(order)[rows[:, 4]]
    assert sorted(again.notes.tolist()) == sorted(rows.tolist())


NOTES = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(1, 20),
        st.integers(48, 54),
        st.sampled_from([40, 90]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40)
@given(NOTES)
def test_what_is_read_back_is_written_the_same_again(notes):
    piece = band(*notes)
    code = code_of(piece)
    tokens = code.encode(piece)
    again = code.decode(tokens)
    np.testing.assert_array_equal(code.encode(again), tokens)
    for voice in np.unique(again.voice):
        for pitch in np.unique(again.pitch):
            own = (again.voice == voice) & (again.pitch == pitch)
            assert (again.begin[own][1:] >= (again.begin + again.duration)[own][:-1]).all()


def test_other_keys_move_notes_and_symbols_but_no_drums():
    code = code_of(SONG, transpose=2)
    up = code.vocabulary.pieces(code.table(2)[code.encode(SONG)])
    changed = {"chord Am7": "chord Bm7", "chord D7": "chord E7", "note 69": "note 71", "note 64": "note 66"}
    assert up == [{**changed, "note 72": "note 74"}.get(name, name) for name in WRITTEN]
    back = code.table(-2)[code.table(2)[code.encode(SONG)]]
    assert code.vocabulary.pieces(back) == WRITTEN


def test_a_piece_with_what_the_code_lacks_is_written_with_its_like():
    code = code_of(SONG)
    other = band((0, 7, 84, 83, 0), (0, 1, 99, 80, 1), (7, 2, 69, 80, 2), meter=(5, 8))
    other = replace(other, instruments=(73, DRUMS, 40))
    names = code.vocabulary.pieces(code.encode(other))
    assert names[:6] == ["meter 3/4", "bar", "voice 40.1", "note 72", "for 6", "wait 7"]


def test_stretched_pieces_keep_their_notes():
    code = code_of(SONG)
    tokens = code.encode(SONG, 2.0)
    assert [n for n in code.vocabulary.pieces(tokens) if n[:4] in ("note", "drum")] == [
        n for n in WRITTEN if n[:4] in ("note", "drum")
    ]
    assert code.vocabulary.pieces(tokens).count("bar") == 4


@pytest.mark.parametrize(
    "names", [(), ("bar", "end"), ("bar", "jump 3"), ("note 128",), ("meter 4/5",), ("bar", "wait x")]
)
def test_names_that_are_no_events_are_refused(names):
    with pytest.raises(InputError):
        EventCode(names, STEP)


def test_chords_do_not_tell_what_events_do():
    plain = band((0, 2, 60, 80, 0), (2, 2, 62, 80, 0))
    assert is_told_by_events(SONG)
    assert not is_told_by_events(plain)
    assert is_told_by_events(plain.with_notes(plain.notes + [0, 0, 0, 1, 0] * np.arange(2)[:, None]))
    assert is_told_by_events(band((0, 1, 36, 80, 1)))


@pytest.mark.parametrize("symbol", [*SYMBOLS_BY_NAME])
def test_a_symbol_is_known_by_its_notes(symbol):
    assert symbol_of(sounded(symbol)) == symbol
    assert moved(moved(symbol, 5), -5) == symbol


def test_the_bass_of_a_symbol_is_not_kept():
    assert symbol_of([47, 55, 62]) == "G"
    assert symbol_of([45, 50, 54, 57]) == "D"
    assert symbol_of([60, 61, 62]) is None


def test_an_epoch_has_every_piece_in_one_of_its_keys():
    code = code_of(SONG, transpose=1)
    pieces = [code.encode(SONG), code.encode(SONG)[[0, 1, 3, 4, 5, -1]]]
    streams = EventStreams([pieces], code, batch_size=1, chunk=50, transpose=1, seed=3)
    known = {tuple(code.table(k)[p].tolist()) for p in pieces for k in (-1, 0, 1)}
    seen = set()
    for number in range(6):
        (batch,) = streams.epoch(number)
        tokens = batch.inputs.values[:, 0].tolist() + batch.targets.values[-1].tolist()
        cut = [k for k, token in enumerate(tokens) if code.names[token] == "end"]
        seen |= {tuple(tokens[: cut[0] + 1]), tuple(tokens[cut[0] + 1 : cut[1] + 1])}
    assert seen <= known
    assert len(seen) > len(pieces)
    assert len(streams.in_all_keys()) == 3 * len(corpus_of_pieces(pieces, code))

"""Composing step by step is the same as reading whole pieces."""

import numpy as np
import pytest
import torch

from elman.cells import GRU
from elman.data.music.batches import COLUMNS, Roll, Rolls
from elman.data.music.piece import PITCHES
from elman.decode.compose import compose, harmonise
from elman.heads.multi_label import MultiLabel
from elman.heads.note_by_note import NoteByNote
from elman.layers import Recurrent
from elman.models.framewise import Framewise

BAR = 3


@pytest.fixture(params=["joint", "independent"])
def model(request):
    features = COLUMNS + 5
    joint = request.param == "joint"
    head = NoteByNote(features, PITCHES, 4) if joint else MultiLabel(features, PITCHES, summed=True)
    with torch.no_grad():
        (head.output.bias[PITCHES:] if joint else head.bias).add_(2.0 if joint else -3.0)
    return Framewise(Recurrent(GRU(COLUMNS, 5)), head, 0.3, passed_on=True).eval()


def test_the_most_probable_piece_is_what_reading_it_whole_predicts(model):
    (drawn,) = compose(model, 7, bar=BAR, temperature=0)
    (batch,) = Rolls([Roll(drawn, BAR)], batch_size=1).epoch()
    with torch.inference_mode():
        features = model.features(batch.inputs)
        whole = model.head.draw(features, 0)[:, 0].numpy() > 0
    np.testing.assert_array_equal(whole, drawn)


def test_a_primer_is_read_as_if_it_had_been_composed(model):
    (whole,) = compose(model, 9, bar=BAR, temperature=0)
    (rest,) = compose(model, 5, bar=BAR, primer=whole[:4], temperature=0)
    np.testing.assert_array_equal(rest, whole[4:])


def test_the_seed_decides_and_pieces_differ(model):
    first, other = compose(model, 8, bar=BAR, number=2, seed=1)
    assert (first != other).any()
    np.testing.assert_array_equal(compose(model, 8, bar=BAR, number=2, seed=1)[1], other)
    assert (compose(model, 8, bar=BAR, number=2, seed=2)[0] != first).any()


def test_pitches_that_are_not_allowed_are_silent(model):
    allowed = np.arange(PITCHES) % 2 == 0
    drawn = compose(model, 20, bar=BAR, temperature=3.0, allowed=allowed)
    assert drawn[..., allowed].any()
    assert not drawn[..., ~allowed].any()


def test_a_melody_is_the_highest_voice_and_rests_are_kept(model):
    melody = np.array([72, 72, PITCHES, 60, 65, 65, 67, 40])
    sounds = harmonise(model, melody, bar=BAR, number=6, temperature=2.0, seed=1)
    highest = [int(np.flatnonzero(chord).max()) if chord.any() else PITCHES for chord in sounds]
    assert highest == melody.tolist()
    np.testing.assert_array_equal(
        harmonise(model, melody, bar=BAR, number=6, temperature=2.0, seed=1), sounds
    )


def test_drafts_that_did_not_expect_the_melody_give_way(model):
    """The head expects 72 only after a chord with the pitch 40, which most drafts lack."""
    melody = np.array([60, 72] * 4)

    class Head(MultiLabel):
        def logits(self, features):
            after = features[..., 5 + 40] > 0  # the chord before has this pitch
            logits = torch.full((*features.shape[:-1], PITCHES), -9.0)
            logits[..., 40] = -2.0
            logits[..., 72] = torch.where(after, 2.0, -9.0)
            logits[..., 60] = 0.0
            return logits

    model.head = Head(COLUMNS + 5, PITCHES)
    sounds = harmonise(model, melody, bar=BAR, number=200, seed=1)
    assert sounds[::2, 40].all()
    assert sounds[1::2, 40].mean() < 1

"""Heads of sets: their probabilities sum to 1, draws have them, and what is not allowed is not drawn."""

import pytest
import torch

from elman.batch import Target
from elman.heads.multi_label import MultiLabel
from elman.heads.note_by_note import NoteByNote
from elman.testing.agreement import randomise

F, V = 3, 4
SETS = torch.cartesian_prod(*[torch.arange(2.0, dtype=torch.float64)] * V)
HEADS = {
    "multi-label": lambda: MultiLabel(F, V, summed=True),
    "multi-label with a layer before": lambda: MultiLabel(F, V, summed=True, hidden=5, dropout=0.3),
    "note-by-note": lambda: NoteByNote(F, V, 5),
}


@pytest.fixture(params=HEADS)
def head(request):
    return randomise(HEADS[request.param]().double()).requires_grad_(False).eval()


def probabilities(head, features):
    with head.single_losses() as losses:
        head.loss(features.expand(len(SETS), F), Target(SETS))
    return (-losses[0]).exp()


def test_all_sets_together_have_probability_1(head):
    torch.testing.assert_close(probabilities(head, torch.randn(F).double()).sum().item(), 1.0)


def test_draws_have_the_probabilities_of_the_loss(head):
    features = torch.randn(F).double()
    drawn = head.draw(features.expand(20_000, F), generator=torch.Generator().manual_seed(0))
    share = torch.bincount((drawn @ torch.tensor([8.0, 4, 2, 1]).double()).long(), minlength=16) / 20_000
    assert (share - probabilities(head, features)).abs().max() < 0.015


def test_what_is_not_allowed_is_not_drawn(head):
    allowed = torch.tensor([True, False, True, False])
    for temperature in (0, 1, 10):
        drawn = head.draw(torch.randn(300, 2, F).double(), temperature, allowed=allowed)
        assert drawn.shape == (300, 2, V)
        assert not drawn[..., ~allowed].any()
        assert drawn[..., allowed].any() or temperature == 0


def test_a_high_temperature_draws_more_evenly(head):
    features = torch.randn(F).double().expand(5000, F)
    cold, hot = (head.draw(features, t).unique(dim=0, return_counts=True)[1].max() for t in (0.3, 3.0))
    assert hot < cold


def test_a_chord_of_the_most_notes_ends_by_itself():
    head = randomise(NoteByNote(F, V, 5).double())
    with torch.no_grad():
        head.output.bias[V] = -1e9
    drawn = head.draw(torch.randn(50, F).double())
    assert drawn[:, 0].all()  # only the lowest note leaves nothing to choose but the end


def test_the_probabilities_of_the_highest_items_are_those_of_their_sets(head):
    features = torch.randn(F).double()
    top = torch.tensor([int(chord.nonzero().max()) if chord.any() else V for chord in SETS])
    by_set = torch.zeros(V + 1).double().index_add(0, top, probabilities(head, features))
    log_p = head.log_p_of_highest(features.expand(V + 1, F), torch.arange(V + 1))
    torch.testing.assert_close(log_p.exp(), by_set)


def test_a_highest_item_that_is_given_is_the_highest_and_the_rest_is_drawn(head):
    features, top = torch.randn(F).double(), 2
    drawn = head.draw(features.expand(20_000, F), highest=torch.full((20_000,), top))
    assert drawn[:, top].all()
    assert not drawn[:, top + 1 :].any()
    kept = (SETS[:, top] > 0) & (SETS[:, top + 1] == 0)
    p = probabilities(head, features) * kept
    share = torch.bincount((drawn @ torch.tensor([8.0, 4, 2, 1]).double()).long(), minlength=16) / 20_000
    assert (share - p / p.sum()).abs().max() < 0.015
    assert not head.draw(features.expand(5, F), highest=torch.full((5,), V)).any()

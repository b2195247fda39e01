"""The conditional random field against the sum over all sequences of tags."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch

from elman.batch import Target
from elman.data.tag_schemes import permitted, split_tag
from elman.heads.crf import CRF, forbid, viterbi
from elman.testing.agreement import randomise

F, V, T = 3, 3, 4
TAGS = ["O", "B-a", "I-a", "B-b", "I-b"]


def made(tags=V, rules=None):
    return randomise(CRF(F, tags, rules).double(), 1.0)


def all_ways(head, features, rules=None):
    """Every permitted sequence of one row's tags, and its probability, by their definition."""
    scores, steps = head.linear(features).tolist(), len(features)
    A = head.transitions.tolist()
    V = len(A) - 1
    ways = []
    for tags in product(range(V), repeat=steps):
        moves = list(zip((V, *tags), (*tags, V), strict=True))
        if rules is None or all(rules[i, j] for i, j in moves):
            total = sum(A[i][j] for i, j in moves) + sum(scores[t][tag] for t, tag in enumerate(tags))
            ways.append((tags, total))
    weights = np.exp([total for _, total in ways])
    return [tags for tags, _ in ways], weights / weights.sum()


@pytest.fixture
def features():
    return torch.randn(T, 3, F, dtype=torch.float64)


def test_loss_prediction_and_probabilities_are_those_of_all_sequences(features):
    head, lengths = made(), torch.tensor([4, 1, 3])
    values = torch.randint(V, (T, 3))
    with head.single_losses() as single:
        loss = head.loss(features, Target(values, lengths=lengths), lengths)
    predicted, p = head.predict(features, lengths), head.probabilities(features, lengths)
    wanted = 0.0
    for row, n in enumerate(lengths.tolist()):
        ways, weights = all_ways(head, features[:n, row])
        truth = values[:n, row].tolist()
        wanted -= np.log(weights[ways.index(tuple(truth))])
        assert predicted[:n, row].tolist() == list(ways[weights.argmax()])
        for t in range(n):
            # of the tag given those before it
            alike = np.array([list(way[: t + 1]) == truth[: t + 1] for way in ways])
            before = np.array([list(way[:t]) == truth[:t] for way in ways])
            assert single[0][t, row].item() == pytest.approx(
                np.log(weights[before].sum()) - np.log(weights[alike].sum())
            )
            shares = [weights[np.array([way[t] == tag for way in ways])].sum() for tag in range(V)]
            assert p[t, row].tolist() == pytest.approx(shares)
        assert (p[n:, row] == 0).all()
        assert single[0][n:, row].isnan().all()
    assert loss.sum.item() == pytest.approx(wanted)
    assert loss.count == 8


def test_rules_hold_in_predictions_and_probabilities_and_not_in_the_loss(features):
    rules = torch.from_numpy(permitted(TAGS, "BIO"))
    head, free = made(len(TAGS), rules), made(len(TAGS))
    free.load_state_dict(head.state_dict())
    p = head.probabilities(features)
    for row in range(3):
        ways, weights = all_ways(head, features[:, row], rules)
        assert head.predict(features)[:, row].tolist() == list(ways[weights.argmax()])
        for t, tag in product(range(T), range(len(TAGS))):
            share = weights[np.array([way[t] == tag for way in ways])].sum()
            assert p[t, row, tag].item() == pytest.approx(share, abs=1e-12)
    broken = Target(torch.full((T, 3), TAGS.index("I-a")))
    assert head.loss(features, broken).sum == free.loss(features, broken).sum < 1000


@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "IOBES"])
def test_what_is_forbidden_is_never_predicted(scheme):
    tags = [*TAGS, "E-a", "S-a", "E-b", "S-b"] if scheme == "IOBES" else TAGS
    rules = torch.from_numpy(permitted(tags, scheme))
    scores = torch.randn(30, 40, len(tags)).mul(4).log_softmax(-1)
    lengths = torch.randint(31, (40,))
    found = viterbi(scores, forbid(torch.zeros(rules.shape), rules), lengths)
    free = scores.argmax(-1)
    bad = [0, 0]
    for row, n in enumerate(lengths.tolist()):
        for k, way in enumerate((found, free)):
            ids = [len(tags), *way[:n, row].tolist(), len(tags)] if n else []
            bad[k] += sum(not rules[i, j] for i, j in pairwise(ids))
    assert bad[0] == 0 < bad[1]


def test_rules_that_permit_nothing_still_give_tags():
    rules = torch.from_numpy(permitted(["I-a", "I-b"], "BIO"))  # none may begin a sequence
    head = randomise(CRF(F, 2, rules))
    assert head.predict(torch.randn(5, 2, F)).shape == (5, 2)
    torch.testing.assert_close(head.probabilities(torch.randn(5, 2, F)).sum(-1), torch.ones(5, 2))


def test_steps_without_weight_are_left_out_of_the_chain(features):
    head, values = made(), torch.randint(V, (T, 3))
    weights = torch.ones(T, 3)
    weights[2] = 0
    kept = torch.tensor([0, 1, 3])
    loss = head.loss(features, Target(values, weights))
    alone = head.loss(features[kept], Target(values[kept]))
    torch.testing.assert_close(loss, alone)


def test_no_steps_and_rows_of_none(features):
    head = made()
    empty = head.loss(features[:0], Target(torch.zeros(0, 3, dtype=torch.long)))
    assert (empty.sum.item(), empty.count.item()) == (0, 0)
    assert head.predict(features[:0]).shape == (0, 3)
    assert head.probabilities(features[:0]).shape == (0, 3, V)
    lengths = torch.tensor([0, 4, 0])
    values = torch.randint(V, (T, 3))
    loss = head.loss(features, Target(values), lengths)
    torch.testing.assert_close(loss, head.loss(features[:, [1]], Target(values[:, [1]])))
    loss.sum.backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


def test_sums_stay_in_single_precision(features):
    head, steps = randomise(CRF(F, V)), torch.randn(500, 2, F)
    values = torch.randint(V, (500, 2))
    exact = randomise(CRF(F, V)).double()
    exact.load_state_dict(head.state_dict())
    wanted = exact.loss(steps.double(), Target(values)).sum
    # what a step of a long sequence loses in digits does not grow with what came before
    assert abs(head.loss(steps, Target(values)).sum - wanted) < 1e-5 * wanted
    with torch.autocast("cpu", torch.bfloat16):
        loss = head.loss(steps, Target(values))
        assert head.probabilities(steps).dtype == loss.sum.dtype == torch.float32
    loss.sum.backward()
    # the products alone are of eight bits
    assert abs(loss.sum - wanted) < 2**-8 * wanted


def test_probabilities_sum_to_1_over_long_sequences():
    rules = torch.from_numpy(permitted(TAGS, "BIO"))
    p = randomise(CRF(F, len(TAGS), rules)).probabilities(torch.randn(500, 2, F) * 5)
    torch.testing.assert_close(p.sum(-1), torch.ones(500, 2), atol=1e-4, rtol=0)
    begins = [split_tag(tag).prefix != "I" for tag in TAGS]
    assert (p[0, :, ~torch.tensor(begins)] == 0).all()

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.split import split_points, trained_on
from elman.errors import InputError


@pytest.mark.parametrize(
    ("length", "shares", "points"),
    [
        (100, (0.9, 0.05, 0.05), (90, 95)),
        (373_139, (0.9, 0.05, 0.05), (335_825, 354_482)),
        (10, (0.8, 0.0, 0.2), (8, 8)),
        (10, (0.8, 0.2, 0.0), (8, 10)),
        (2, (1.0, 0.0, 0.0), (2, 2)),
        (6, (1 / 3, 1 / 3, 1 / 3), (2, 4)),
        # the missing 5e-7 is not left over for the test
        (10**9, (0.9, 0.0999995, 0.0), (900_000_450, 10**9)),
    ],
)
def test_points(length, shares, points):
    assert split_points(length, shares) == points


@given(st.integers(100, 10**12), st.tuples(*[st.integers(5, 100)] * 3))
def test_parts_have_their_shares(length, weights):
    shares = tuple(weight / sum(weights) for weight in weights)
    a, b = split_points(length, shares)
    for part, share in zip((a, b - a, length - b), shares, strict=True):
        assert part == pytest.approx(length * share, abs=1.001)


@pytest.mark.parametrize(
    "shares",
    [
        (0.9, 0.05, 0.06),
        (0.9, 0.05, 0.04),
        (0.0, 0.5, 0.5),
        (1.1, -0.1, 0.0),
        (1.1, 0.0, -0.1),
        (float("nan"), 0.5, 0.5),
        (0.5, float("nan"), 0.5),
        (float("inf"), 0.0, 0.0),
        (0.5, 0.5),
        (0.25, 0.25, 0.25, 0.25),
    ],
)
def test_shares_that_are_none(shares):
    with pytest.raises(InputError, match=r"^split .*: must be three shares that sum to 1"):
        split_points(1000, shares)


@pytest.mark.parametrize(
    ("length", "shares", "part", "tokens"),
    [
        (0, (1.0, 0.0, 0.0), "training", 0),
        (1, (1.0, 0.0, 0.0), "training", 1),
        (20, (0.9, 0.05, 0.05), "validation", 1),
        (10, (0.9, 0.0, 0.1), "test", 1),
        (1000, (1 - 1e-9, 0.0, 1e-9), "test", 0),
    ],
)
def test_a_part_too_small_to_hold_a_target(length, shares, part, tokens):
    with pytest.raises(InputError, match=f"^split .*2 tokens. Of {length} tokens, {part} gets {tokens}.$"):
        split_points(length, shares)


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        ((), (0.7, 0.2, 0.1)),
        (("validation",), (0.9, 0.0, 0.1)),
        (("test",), (0.8, 0.2, 0.0)),
        (("validation", "test"), (1.0, 0.0, 0.0)),
    ],
)
def test_what_comes_from_elsewhere_leaves_its_share_to_training(given, shares):
    assert trained_on((0.7, 0.2, 0.1), given) == pytest.approx(shares)


def test_shares_that_are_none_are_refused_there_too():
    with pytest.raises(InputError, match="must be three shares that sum to 1"):
        trained_on((0.7, 0.2, 0.2), ("test",))

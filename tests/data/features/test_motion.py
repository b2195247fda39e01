"""What a network reads of clips depends on the frames so far alone, and variations keep what they must."""

import numpy as np
import pytest

from elman.data.features.motion import (
    Background,
    Follower,
    Motion,
    MotionStream,
    backgrounds,
    filmed_otherwise,
)

RANDOM = np.random.default_rng(0)
CLIP = RANDOM.integers(0, 256, (70, 2, 5, 4)).astype(np.uint8)
MEAN, SCALE = (100.0, 120.0), (40.0, 50.0)


def test_the_background_of_few_frames_is_their_median():
    found = backgrounds(CLIP[:15])
    for t in range(0, 15, 2):  # of an odd number of frames
        np.testing.assert_array_equal(found[t], np.median(CLIP[: t + 1], 0))


def test_the_background_of_many_frames_is_the_median_of_some_evenly_spaced():
    background = Background()
    found = [background.take(frame) for frame in CLIP]
    # frames 0, 1, … 14; then 0, 2, … 28; then 0, 4, … 56; then 0, 8, … of which 64 is the last
    np.testing.assert_array_equal(found[28], np.median(CLIP[:29:2], 0))
    np.testing.assert_array_equal(found[31], found[28])
    np.testing.assert_array_equal(found[56], np.median(CLIP[:57:4], 0))
    np.testing.assert_array_equal(found[69], np.median(CLIP[:65:8], 0))


def test_a_still_ground_is_found_behind_what_moves():
    clip = np.full((40, 1, 8, 13), 90, np.uint8)
    for t in range(40):
        clip[t, 0, 2:4, 5 * t % 13] = 200
    np.testing.assert_array_equal(backgrounds(clip)[9:], np.full((31, 1, 8, 13), 90))


@pytest.mark.parametrize("level", [False, True])
@pytest.mark.parametrize("differences", [False, True])
@pytest.mark.parametrize(("window", "size"), [(None, (5, 4)), ((3, 9), (3, 4))])
def test_frames_one_by_one_are_read_as_the_clip_is(level, differences, window, size):
    motion = Motion(level, True, differences, window)
    whole = motion.inputs(motion.with_background(CLIP), MEAN, SCALE, None)
    assert whole.shape == (70, motion.width(2), *size)
    assert motion.size((5, 4)) == size
    stream = MotionStream(motion, MEAN, SCALE)
    np.testing.assert_allclose([stream.take(frame) for frame in CLIP], whole, atol=1e-6)


def test_each_plane_is_read_in_its_own_unit():
    motion = Motion(True, True, True)
    level, centred, change = np.split(motion.inputs(motion.with_background(CLIP), MEAN, SCALE, None), 3, 1)
    unit, mean = (np.array(values)[:, None, None] for values in (SCALE, MEAN))
    np.testing.assert_allclose(level * unit + mean, CLIP, atol=1e-3)
    np.testing.assert_allclose(centred * unit, CLIP - backgrounds(CLIP).astype(float), atol=1e-3)
    np.testing.assert_allclose(change[1:] * unit, np.diff(CLIP.astype(float), axis=0), atol=1e-3)
    assert not change[0].any()
    with pytest.raises(ValueError, match="pixels must be read"):
        Motion(False, False, True)
    with pytest.raises(ValueError, match="what moves is found by"):
        Motion(True, False, False, (3, 3))


def test_a_window_follows_what_moves():
    clip = np.random.default_rng(1).integers(90, 92, (1, 1, 40, 60)).repeat(30, 0).astype(np.uint8)
    for t in range(30):
        clip[t, 0, 10:16, 4 + t : 10 + t] = 250
    motion = Motion(True, True, True, (16, 12))
    read = motion.inputs(motion.with_background(clip), (0.0,), (1.0,))
    rows, columns = np.nonzero(read[20, 0] == 250)
    assert (rows.min(), rows.max()) == (5, 10)  # in the middle of the window
    assert 2 <= columns.min() <= columns.max() <= 11
    still = motion.inputs(motion.with_background(clip[:1].repeat(5, 0)), (0.0,), (1.0,))
    np.testing.assert_array_equal(still[:, 0], clip[:1, 0, 12:28, 24:36].repeat(5, 0))
    beside = Motion(True, True, True, (16, 12)).inputs(
        motion.with_background(clip), (0.0,), (1.0,), None, Follower((16, 12), (2.0, 0.0))
    )
    assert np.nonzero(beside[20, 0] == 250)[0].min() == 3


def test_a_varied_clip_is_a_part_of_it_that_is_moved_and_perhaps_mirrored():
    clip = np.zeros((20, 1, 30, 30), np.uint8)
    clip[np.arange(20), 0, 10 + np.arange(20) // 2, 20] = 1 + np.arange(20)  # a dot, brighter at each step
    sides, lengths, places = set(), set(), set()
    for seed in range(40):
        random = np.random.default_rng(seed)
        varied = filmed_otherwise(clip, 1.0, random, mirror=True)
        steps, _, rows, columns = np.nonzero(varied)
        shown = varied[varied > 0].astype(int)
        assert (np.diff(shown) == 1).all(), "the frames are in order, and none is left out between"
        lengths.add(len(varied))
        places.add((int(rows[0] - (10 + (shown[0] - 1) // 2)), int(columns[0])))
        sides.add(columns[0] < 15)
        assert len(set(columns)) == 1
        assert set(steps) == {*range(len(varied))}
    assert min(lengths) >= 10
    assert max(lengths) == 20
    assert len(lengths) > 3
    assert sides == {True, False}
    assert max(abs(down) for down, _ in places) in (2, 3)
    assert len(places) > 20


def test_strength_0_changes_nothing():
    for seed in range(5):
        same = filmed_otherwise(CLIP, 0.0, np.random.default_rng(seed), mirror=False)
        np.testing.assert_array_equal(same, CLIP)

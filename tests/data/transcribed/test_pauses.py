"""Long recordings are cut at their pauses; nothing is lost or kept."""

import numpy as np
import pytest

from elman.data.transcribed.pauses import in_segments


def pieces(frames, size):
    return (frames[k : k + size] for k in range(0, len(frames), size))


@pytest.mark.parametrize("size", [1, 7, 95, 1000])
def test_segments_are_the_recording_cut_in_the_quietest_places(size):
    frames = np.random.default_rng(0).normal(10, 1, (330, 3)).astype(np.float32)
    for begin in (60, 140, 220):
        frames[begin : begin + 30] -= 8
    segments = [*in_segments(pieces(frames, size), 100)]
    assert np.array_equal(np.concatenate([part for _, part in segments]), frames)
    assert [begin for begin, _ in segments] == [0, 75, 155, 235]


def test_a_short_recording_is_one_segment_and_an_empty_one_none():
    frames = np.ones((100, 2), np.float32)
    assert [begin for begin, _ in in_segments(pieces(frames, 30), 100)] == [0]
    assert [*in_segments(iter([frames[:0]]), 100)] == []

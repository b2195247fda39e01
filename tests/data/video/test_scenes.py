"""Clips, the cuts between their scenes, and windows of frames."""

import numpy as np
import pytest
import torch
from films import square, write_film, write_pictures

from elman.data.left import Left
from elman.data.read.video import View
from elman.data.video.scenes import Scene, cuts, read_clips, scenes_of
from elman.data.video.windows import SceneWindows, Windows, stacked
from elman.errors import InputError

VIEW = View(size=(8, 8))


def test_cuts_are_found_and_motion_is_none():
    calm, wild = square(20, 16, (0, 1)), square(20, 16, (3, 2), seed=1)
    assert cuts(np.concatenate([calm, 255 - wild, calm])) == [20, 40]
    assert cuts(calm) == cuts(wild) == []
    assert cuts(calm[:1]) == cuts(calm[:0]) == []


def test_noise_is_no_cut():
    random = np.random.default_rng(0)
    assert cuts(random.integers(100, 110, (50, 8, 8)).astype(np.uint8)) == []


def test_a_clip_is_divided_at_its_cuts():
    first, second = square(9, 16, (0, 1)), 255 - square(5, 16, (1, 0))
    scenes = scenes_of(Scene(np.concatenate([first, second]), "a.mp4"))
    assert [len(scene) for scene in scenes] == [9, 5]
    assert np.array_equal(scenes[1].frames, second)
    assert {scene.place for scene in scenes} == {"a.mp4"}


def test_clips_come_from_videos_planes_packed_planes_and_folders_of_pictures(tmp_path):
    clip = square(6, 8)
    write_film(tmp_path / "a.mkv", clip)
    np.save(tmp_path / "b.npy", clip)
    offsets = np.array([0, 2, 6])
    np.savez(tmp_path / "c.npz", frames=clip, offsets=offsets)
    write_pictures(tmp_path / "d", clip)
    found = [*read_clips([tmp_path], VIEW, Left("stop", "clip"))]
    assert [len(scene) for scene in found] == [6, 6, 2, 4, 6]
    for scene in (*found[:2], found[4]):
        assert np.array_equal(scene.frames, clip)
    assert np.array_equal(np.concatenate([found[2].frames, found[3].frames]), clip)


def test_what_is_no_clip_is_refused_or_left_out(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    np.save(tmp_path / "b.npy", square(3, 8))
    with pytest.raises(InputError, match=r"broken\.mp4: .*--on-bad skip leaves such clips out"):
        [*read_clips([tmp_path], VIEW, Left("stop", "clip"))]
    left = Left("skip", "clip")
    assert len([*read_clips([tmp_path], VIEW, left)]) == 1
    assert len(left.reasons) == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: holds no clips"):
        [*read_clips([tmp_path / "empty"], VIEW, left)]
    with pytest.raises(InputError, match="none: no such file or folder"):
        [*read_clips([tmp_path / "none"], VIEW, left)]


def numbered(*lengths: int) -> list[Scene]:
    """Scenes whose pixels are the number of the frame."""
    return [
        Scene(np.arange(n, dtype=np.uint8)[:, None, None] + np.zeros((n, 2, 2), np.uint8), "")
        for n in lengths
    ]


def test_windows_never_cross_a_cut():
    source = SceneWindows(numbered(5, 2, 4), 3)
    begins = [int(source.window(k, 0)[0, 0, 0]) for k in range(len(source))]
    assert begins == [0, 1, 2, 0, 1]
    assert len(SceneWindows(numbered(2), 3)) == 0


def test_of_many_windows_some_evenly_spaced_are_taken():
    source = SceneWindows(numbered(101), 1, most=5)
    assert [int(source.window(k, 0)[0, 0, 0]) for k in range(5)] == [0, 25, 50, 75, 100]


def test_batches_of_evaluation_count_the_frames_after_the_context_and_tell_none():
    windows = Windows(SceneWindows(numbered(9), 5), 2, batch_size=4)
    batches = [*windows.epoch()]
    assert windows.steps == len(batches) == 2
    first = batches[0]
    assert first.inputs.values.shape == (5, 4, 1, 2, 2)
    assert first.inputs.values[:, :, 0, 0, 0].T.tolist() == [[k + t for t in range(5)] for k in range(4)]
    assert torch.equal(first.targets.values, first.inputs.values[1:])
    assert first.targets.weights.tolist() == [[0] * 4] + [[1] * 4] * 3
    assert first.told.tolist() == [[True] * 4] * 2 + [[False] * 4] * 3


def test_training_tells_fewer_and_fewer_frames():
    windows = Windows(SceneWindows(numbered(200), 20), 5, batch_size=16, seed=0, taught=4)

    def share(epoch: int) -> float:
        return float(np.mean([batch.told[5:].float().mean() for batch in windows.epoch(epoch)]))

    shares = [share(epoch) for epoch in range(6)]
    assert shares[0] == pytest.approx(0.875, abs=0.03)
    assert shares[3] == pytest.approx(0.125, abs=0.03)
    assert shares[4:] == [0, 0]
    again = [*windows.epoch(1)][3:]
    for batch, other in zip(windows.epoch(1, 3), again, strict=True):
        assert torch.equal(batch.inputs.values, other.inputs.values)
        assert torch.equal(batch.told, other.told)
    assert all(batch.targets.weights.all() for batch in again)


def test_colour_comes_before_the_planes():
    window = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    frames = stacked([window, window])
    assert frames.shape == (2, 2, 3, 3, 4)
    assert frames[1, 0, 2, 1, 3] == window[1, 1, 3, 2]

"""Clips of video files, folders of pictures and planes are read alike, streamed, and refused if broken."""

import subprocess
import sys

import numpy as np
import pytest

av = pytest.importorskip("av", reason="needs elman[video]")

from films import square, write_film, write_pictures  # noqa: E402

from elman.data.read.planes import clip_of_array, read_packed  # noqa: E402
from elman.data.read.video import View, is_clip, pictures_in, read_video, video_frames  # noqa: E402
from elman.errors import InputError  # noqa: E402

CLIP = square(12)
COLOUR = np.stack([CLIP, CLIP[:, ::-1], 255 - CLIP], -1)


def test_videos_pictures_and_planes_give_the_same_frames(tmp_path):
    np.save(tmp_path / "a.npy", CLIP)
    np.savez(tmp_path / "a.npz", CLIP)
    for path in (
        write_film(tmp_path / "a.mkv", CLIP),
        write_film(tmp_path / "a.gif", CLIP, codec="gif"),
        write_pictures(tmp_path / "pictures", CLIP),
        tmp_path / "a.npy",
        tmp_path / "a.npz",
    ):
        assert is_clip(path)
        np.testing.assert_array_equal(read_video(path), CLIP, str(path))


def test_colour_and_grey_of_each_other(tmp_path):
    film = write_film(tmp_path / "a.mkv", COLOUR)
    np.testing.assert_array_equal(read_video(film, View(colour=True)), COLOUR)
    pictures = write_pictures(tmp_path / "pictures", COLOUR)
    np.testing.assert_array_equal(read_video(pictures, View(colour=True)), COLOUR)
    np.testing.assert_array_equal(read_video(film), read_video(pictures))
    grey = read_video(write_film(tmp_path / "b.mkv", CLIP), View(colour=True))
    np.testing.assert_array_equal(grey, np.stack([CLIP] * 3, -1))


def test_a_rate_shows_the_frame_of_each_time(tmp_path):
    film = write_film(tmp_path / "a.mkv", CLIP, rate=10)
    np.testing.assert_array_equal(read_video(film, View(rate=5)), CLIP[::2])
    np.testing.assert_array_equal(read_video(film, View(rate=20)), CLIP.repeat(2, 0))
    np.testing.assert_array_equal(read_video(film, View(rate=10)), CLIP)
    np.testing.assert_array_equal(read_video(film, View(rate=4)), CLIP[[0, 2, 5, 7, 10]])


def test_a_part_is_read_by_its_times(tmp_path):
    film = write_film(tmp_path / "a.mkv", CLIP, rate=10)
    np.testing.assert_array_equal(read_video(film, begin=0.3, end=0.7), CLIP[3:7])
    np.testing.assert_array_equal(read_video(film, View(rate=5), 0.3, 0.8), CLIP[[3, 5, 7]])
    np.testing.assert_array_equal(read_video(film, begin=0.9), CLIP[9:])
    np.save(tmp_path / "a.npy", CLIP)
    np.testing.assert_array_equal(read_video(tmp_path / "a.npy", begin=3, end=7), CLIP[3:7])
    with pytest.raises(InputError, match=r"a\.mkv: holds no frames from 2 on"):
        read_video(film, begin=2)
    with pytest.raises(InputError, match="a part must begin before its end"):
        read_video(film, begin=2, end=1)


def test_frames_are_squeezed_by_averaging(tmp_path):
    film, view = write_film(tmp_path / "a.mkv", CLIP), View(size=(16, 8))
    mean = CLIP.reshape(12, 16, 2, 8, 4).mean((2, 4))
    frames = read_video(film, view)
    assert np.abs(frames - mean).max() <= 1
    np.save(tmp_path / "a.npy", CLIP)
    np.testing.assert_array_equal(read_video(tmp_path / "a.npy", view), frames)


def test_pictures_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("frame10.png", "frame9.PNG", "frame9b.jpg", "notes.txt", ".frame1.png"):
        (tmp_path / name).touch()
    assert [path.name for path in pictures_in(tmp_path)] == ["frame9.PNG", "frame9b.jpg", "frame10.png"]
    assert is_clip(tmp_path)
    assert not is_clip(tmp_path / "notes.txt")


def test_floats_bools_and_whole_numbers_are_pixels():
    pixels = np.array([[[0, 51, 255]]])
    for values in (pixels, pixels / 255, (pixels / 255).astype(np.float32)[..., None]):
        np.testing.assert_array_equal(clip_of_array(values, "X"), pixels)
    np.testing.assert_array_equal(clip_of_array(pixels > 0, "X"), [[[0, 255, 255]]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 5)), r"X: must hold frames, .* Got float64 \[4, 5\]"),
        (np.zeros((4, 5, 6, 2)), r"Got float64 \[4, 5, 6, 2\]"),
        (np.zeros((4, 0, 5)), r"Got float64 \[4, 0, 5\]"),
        (np.zeros((0, 4, 5)), "X: holds no frames"),
        (np.full((2, 2, 2), 1.5), "pixels that are floats must lie from 0 to 1. Got 1.5 to 1.5"),
        (np.full((2, 2, 2), np.nan), "must lie from 0 to 1. Got nan to nan"),
        (np.full((2, 2, 2), 256), "pixels that are whole numbers must lie from 0 to 255. Got 256 to 256"),
    ],
)
def test_other_arrays_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        clip_of_array(values, "X")


def test_many_clips_of_one_file(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, frames=CLIP, offsets=[0, 5, 12], label=[3, 1])
    clips, labels = read_packed(path)
    np.testing.assert_array_equal(clips[1], CLIP[5:])
    assert (len(clips), labels) == (2, ["3", "1"])
    with pytest.raises(InputError, match=r"a\.npz: holds many clips"):
        read_video(path)
    np.savez(path, CLIP)
    assert read_packed(path) is None
    for offsets in ([0, 5, 11], [0, 7, 5, 12], [1, 12], [0.0, 12.0]):
        np.savez(path, frames=CLIP, offsets=offsets)
        with pytest.raises(InputError, match="must be whole numbers that rise from 0 to the 12 frames"):
            read_packed(path)
    np.savez(path, frames=CLIP, offsets=[0, 12], label=[1, 2])
    with pytest.raises(InputError, match="label must be a number or text for each of the 1 clips"):
        read_packed(path)


def test_broken_files_are_named(tmp_path):
    whole = write_film(tmp_path / "whole.avi", np.stack([CLIP] * 20).reshape(-1, 32, 32), codec="mpeg4")
    data = whole.read_bytes()
    for name, content, message in (
        ("empty.avi", b"", "is empty"),
        ("text.mp4", b"no video\n" * 20, "cannot be read as video"),
        ("cut.avi", data[: len(data) // 2], "is cut off: it must hold"),
        ("head.avi", data[:100], "cannot be read as video|holds no video stream|holds no frames"),
        ("a.npy", b"\x93NUMPY", "cannot be read"),
        ("a.npz", b"PK", "is not an .npz archive"),
        ("a/1.png", b"\x89PNG\r\n", "cannot be read as video"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        clip = path if path.parent == tmp_path else path.parent
        with pytest.raises(InputError, match=f"{path.name}: ({message})") as caught:
            read_video(clip)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"none\.avi: no such file"):
        read_video(tmp_path / "none.avi")
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        silence.rate = 8000
        container.mux(stream.encode(silence))
    with pytest.raises(InputError, match="holds no video stream"):
        read_video(sound)


def test_pictures_of_unlike_size_are_refused_unless_one_is_set(tmp_path):
    folder = write_pictures(tmp_path / "a", CLIP[:2])
    write_pictures(tmp_path / "b", CLIP[:3, :20])
    (tmp_path / "b" / "3.png").rename(folder / "3.png")
    with pytest.raises(InputError, match=r"must be of one size. Got \[32, 32\], and \[20, 32\] of frame 2"):
        read_video(folder)
    assert read_video(folder, View(size=(8, 8))).shape == (3, 8, 8)


@pytest.mark.parametrize("view", [{"rate": 0}, {"rate": float("inf")}, {"size": (0, 4)}])
def test_no_rate_and_no_size_are_refused(view):
    with pytest.raises(InputError, match=r"--frame-(rate|size) must be"):
        View(**view)


PEAK = """
import resource, sys
from pathlib import Path
from elman.data.read.video import video_frames
peaks = []
for k, frame in enumerate(video_frames(Path(sys.argv[1]))):
    if k in (50, 1499):
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(peaks[1] - peaks[0])
"""


def test_a_long_clip_needs_no_memory(tmp_path):
    film = write_film(tmp_path / "long.avi", np.zeros((1500, 240, 320), np.uint8), codec="mpeg4")
    done = subprocess.run([sys.executable, "-c", PEAK, str(film)], capture_output=True, text=True, check=True)
    kilobytes = int(done.stdout)
    assert kilobytes < 20_000 < 1500 * 240 * 320 / 1024, "its grey frames together have 112,500 kB"


def test_real_clips(shared):
    for name, shape in (("bikes", (250, 272, 640)), ("cockatoo", (280, 720, 1280))):
        frames = video_frames(shared / "video_clips" / f"{name}.mp4")
        assert next(frames).shape == shape[1:]
    view = View(rate=5, size=(16, 16), colour=True)
    assert read_video(shared / "video_clips" / "bikes.mp4", view, 2.0, 4.0).shape == (10, 16, 16, 3)
    stored = read_video(shared / "video_clips" / "bikes_gray64.npz", View(size=(16, 16)))
    assert stored.shape == (250, 16, 16)
    packed = read_packed(shared / "weizmann_actions" / "weizmann_64x64_gray.npz")
    assert len(packed.clips) == len(packed.labels) == 90

"""A predictor of frames: what it writes, its parts, clips in memory, colour, digits, and what it refuses."""

import json

import numpy as np
import pytest
import torch
from films import square, write_film
from tiny import idx_files
from tiny_video import clip, planes

import elman
from elman.cli import main
from elman.data.read.video import View, read_video
from elman.errors import InputError

SMALL = {"hidden_size": 4, "epochs": 1, "batch_size": 8, "patch": 2, "frame_size": (8, 8)}
SHORT = SMALL | {"context": 2, "horizon": 3}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    (folder / "clip.npz").write_bytes(planes())
    return elman.VideoPredictor(**SHORT).train(folder / "clip.npz", folder / "run")


def test_a_video_shows_the_truth_beside_the_prediction(trained, tmp_path):
    for name in ("next.gif", "next.mp4", "next.npz"):
        assert (
            main(
                [
                    "predict",
                    str(trained.folder),
                    str(trained.folder.parent / "clip.npz"),
                    "--out",
                    str(tmp_path / name),
                ]
            )
            == 0
        )
    predicted = trained.predict(trained.folder.parent / "clip.npz")
    with np.load(tmp_path / "next.npz") as arrays:
        assert np.array_equal(arrays["true"], clip()[:5])
        assert np.array_equal(arrays["predicted"], np.rint(255 * predicted.predicted).astype(np.uint8))
    for name, most in (("next.gif", 1), ("next.mp4", 12)):
        film = read_video(tmp_path / name, View(size=(8, 16)))
        assert film.shape == (5, 8, 16)
        assert np.abs(film[:, :, :8].astype(int) - clip()[:5]).mean() <= most
        assert np.abs(film[:2, :, 8:].astype(int) - clip()[:2]).mean() <= most
        later = np.rint(255 * predicted.predicted)
        assert np.abs(film[2:, :, 8:] - later).mean() <= most


def test_frames_beyond_the_clip_have_no_error(trained, capsys):
    found = trained.predict(clip(), begin=56, frames=6)
    assert found.predicted.shape == (6, 8, 8)
    assert len(found.true) == len(found.errors()) == 2
    last = trained.predict(clip(), begin=58)
    assert last.json()["squared_error"] == []
    assert "squared error" not in " ".join(last.lines(None))
    with pytest.raises(InputError, match=r"--begin must be at most 58, so that 2 .* Got 59\."):
        trained.predict(clip(), begin=59)


def test_errors_are_those_of_its_frames(trained):
    found = trained.predict(clip(), begin=3)
    true = clip()[5:8] / 255
    assert found.errors() == pytest.approx(np.square(found.predicted - true).mean((1, 2)), rel=1e-5)
    copied = np.square(clip()[4] / 255 - true).mean((1, 2))
    assert found.errors_of_copying() == pytest.approx(copied, rel=1e-5)


def test_few_clips_are_divided_in_time_and_many_at_random(tmp_path):
    for k in range(10):
        np.save(tmp_path / f"{k}.npy", np.full((6, 8, 8), k, np.uint8))
    options = SHORT | {"split": (0.6, 0.2, 0.2)}
    many = elman.VideoPredictor(**options).train(tmp_path)
    grey = [{int(scene.frames[0, 0, 0]) for scene in many.data.scenes[part]} for part in many.data.scenes]
    assert [len(own) for own in grey] == [6, 2, 2]
    assert set.union(*grey) == set(range(10))
    few = elman.VideoPredictor(**options).fit(clips=[clip()])
    begin = [own[0].frames for own in few.data.scenes.values()]
    assert [len(own) for own in begin] == [36, 12, 12]
    assert np.array_equal(np.concatenate(begin), clip())


def test_files_of_other_parts(tmp_path):
    for name in ("a", "b", "c"):
        np.save(tmp_path / f"{name}.npy", clip(20, seed=ord(name)))
    parts = {"validation": (tmp_path / "b.npy",), "test": (tmp_path / "c.npy",)}
    task = elman.VideoPredictor(**SHORT, **parts).train(tmp_path / "a.npy")
    for part, name in zip(task.data.scenes, "abc", strict=True):
        assert np.array_equal(task.data.scenes[part][0].frames, clip(20, seed=ord(name)))


def test_cuts_are_told_and_no_window_crosses_one(tmp_path, capsys):
    film = np.concatenate([square(30, 8, (0, 1)), 255 - square(30, 8, (1, 0))])
    task = elman.VideoPredictor(**SHORT).fit(clips=[film])
    assert "1 cut between scenes found" in capsys.readouterr().err
    assert [len(scene) for scene in task.data.scenes["training"]] == [30, 6]
    assert len(task.data.source("training")) == 26 + 2


def test_colour(tmp_path):
    film = np.stack([clip(40, seed=k) for k in range(3)], -1)
    write_film(tmp_path / "film.mkv", film)
    task = elman.VideoPredictor(**SHORT, colour=True).train(tmp_path / "film.mkv", tmp_path / "run")
    assert task.facts.shape == (3, 8, 8)
    found = elman.load(tmp_path / "run").predict(film)
    assert found.predicted.shape == (3, 8, 8, 3)
    found.write(tmp_path / "next.mp4", 5.0)
    assert len(read_video(tmp_path / "next.mp4")) == 5


def test_digits_move_anew_in_each_epoch(tmp_path):
    for name, content in (idx_files("mnist", "t10k", 9) | idx_files("mnist", "train", 16)).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    options = SHORT | {"frame_size": (32, 32), "windows": 8, "loss": "cross-entropy"}
    task = elman.VideoPredictor(**options).train(tmp_path / "mnist", tmp_path / "run")
    source = task.data.source("training")
    assert len(source) == 8
    assert not np.array_equal(source.window(0, 0), source.window(0, 1))
    test = task.data.source("test")
    assert np.array_equal(test.window(0, 0), test.window(0, 1))
    assert task.evaluate(tmp_path / "mnist") == pytest.approx(task.results["test"], rel=1e-5)
    with pytest.raises(InputError, match="moving digits are grey, and --frame-size must be square"):
        elman.VideoPredictor(**options | {"frame_size": (32, 40)}).train(tmp_path / "mnist")


def test_the_mixture_is_the_one_that_errs_least_on_the_validation_part():
    task = elman.VideoPredictor(**SHORT).fit(clips=[clip()])
    weights = np.array(task.results["mixing"]["weights"])
    assert weights.shape == (3, 3)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    batches = task.data.parts().validation
    chosen = task.answers.measured(batches).by_frame()
    for mixture in ([1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.25, 0.25]):
        task.model.mixing.copy_(torch.tensor(mixture))
        other = task.answers.measured(batches).by_frame()
        assert all(own <= error * (1 + 1e-5) for own, error in zip(chosen, other, strict=True)), mixture


def test_a_run_begins_from_another(trained):
    task = elman.VideoPredictor(**SHORT | {"learning_rate": 1e-30}, pretrained=trained.folder).fit(
        clips=[clip()]
    )
    for name, weight in trained.model.state_dict().items():
        assert np.allclose(task.model.state_dict()[name], weight), name


def test_a_picture_and_figures_of_all_methods(trained):
    results = json.loads((trained.folder / "results.json").read_text())
    assert (trained.folder / "predicted.png").is_file()
    assert set(results["baselines"]) == {
        "copying the last frame",
        "mean frame",
        "black",
        "linear from two frames",
    }
    assert all(len(errors) == 3 for errors in results["by_frame"].values())


REFUSED = {
    "short": ({}, [clip(20)], "the validation part needs a scene of 5 frames"),
    "no planes": ({"cell": "lstm"}, [clip()], "--cell lstm: reads features, and this task gives planes"),
    "size": ({"frame_size": (0, 8)}, [clip()], "--frame-size must be two ints"),
    "context": ({"context": 1}, [clip()], r"--context must be an int in \[2, 10000\]"),
    "no clip": ({}, [], "no clip to train on"),
    "no frames": ({}, [np.zeros((0, 8, 8))], "clip 0: "),
    "files": ({"test": ("a.npz",)}, [clip()], "the option test must be left out for clips in memory"),
}


@pytest.mark.parametrize(("options", "clips", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(options, clips, message):
    with pytest.raises(InputError, match=message):
        elman.VideoPredictor(**SHORT | options).fit(clips=clips)


def test_both_tasks_with_the_verb_predict_have_it(trained, tmp_path, capsys):
    assert main(["predict", str(trained.folder), str(tmp_path / "none.npz")]) == 2
    assert "none.npz: no such file" in capsys.readouterr().err
    assert main(["predict", str(tmp_path), "table.csv"]) == 2

"""The classifier on clips: videos, pictures, packed planes and arrays; and while they play."""

from pathlib import Path

import numpy as np
import pytest
from tiny import same_bits, weights

pytest.importorskip("av", reason="needs elman[video]")

from films import square, write_film, write_pictures

import elman
from elman.cli import main
from elman.data.labelled.scheme import Scheme
from elman.errors import InputError
from elman.tasks.classification.clips import may_mirror
from elman.tasks.classification.data import LabelledData

STEPS = {"across": (0, 2), "blink": (0, 0), "still": (0, 0)}
SMALL = {
    "hidden_size": 16,
    "epochs": 20,
    "batch_size": 4,
    "learning_rate": 0.005,
    "dropout": 0.0,
    "frame_size": (16, 16),
    "split": (0.7, 0.1, 0.2),
}


def film(label: str, k: int) -> np.ndarray:
    clip = square(7 + k % 3, 16, STEPS[label], seed=k)
    if label == "blink":
        clip[1::2] = 255 - clip[1::2]
    return clip


def trained(data: str | list[str], **options) -> elman.SequenceClassifier:
    out = options.pop("out", None)
    return elman.SequenceClassifier(**{**SMALL, **options}).train(data, out, overwrite=True)


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    """Ten clips a label in folders, a manifest of them, and the same clips packed."""
    folder = tmp_path_factory.mktemp("films")
    clips, labels, rows = [], [], ["path,label"]
    for label in STEPS:
        for k in range(10):
            clips.append(film(label, k))
            labels.append(label)
            write_film(folder / "data" / label / f"{k}.mkv", clips[-1], rate=10)
            rows.append(f"data/{label}/{k}.mkv,{label}")
    (folder / "data.csv").write_text("\n".join(rows) + "\n")
    offsets = np.cumsum([0, *map(len, clips)])
    np.savez(folder / "data.npz", frames=np.concatenate(clips), offsets=offsets, label=labels)
    for label in STEPS:
        write_pictures(folder / "new" / label / "one", film(label, 20))
        np.save(folder / "new" / label / "two.npy", film(label, 21) / 255)
        write_film(folder / "new" / label / "three.gif", film(label, 22), codec="gif")
    return folder


@pytest.fixture(scope="module")
def run(films) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(films)
        trained("data", out="run")
    return films / "run"


@pytest.fixture
def beside(films, run, monkeypatch) -> Path:
    monkeypatch.chdir(films)
    return films


def test_videos_a_manifest_and_packed_planes_give_the_same_model(beside):
    models = [weights(trained(data, epochs=1).model) for data in ("data", "data.csv", "data.npz")]
    assert same_bits(models[0], models[1])
    assert same_bits(models[0], models[2])


def test_clips_are_learnt_and_read_in_every_form(beside):
    task = elman.load("run")
    assert task.config.frame_size == task.scheme.planes == (16, 16)
    assert not task.config.bidirectional
    assert task.evaluate("new")["accuracy"] == 1
    assert Path("run/clip.png").exists()
    simple = "logistic regression on mean and motion-energy picture"
    assert {"most frequent label", simple} == {*task.results["baselines"]}
    answers = [*task.classify(["new/blink/one", "new/across/two.npy", "new/still", "data.csv", "data.npz"])]
    assert [answer["name"] for answer in answers[:5]] == [
        "new/blink/one",
        "new/across/two.npy",
        *(f"new/still/{name}" for name in ("one", "three.gif", "two.npy")),
    ]
    assert [answer["label"] for answer in answers[:5]] == ["blink", "across", *["still"] * 3]
    assert (answers[5]["name"], answers[35]["name"]) == ("data/across/0.mkv", "data.npz: clip 0")
    assert len(answers) == 65


def test_the_label_at_a_frame_follows_from_the_frames_up_to_it(beside, capsys):
    task = elman.load("run")
    clip = film("blink", 21)
    found = [*task.watch("new/blink/two.npy")]
    p = np.array([[*answer["probabilities"].values()] for answer in found])
    cut = task.predict_proba([clip[:t] for t in range(2, len(clip) + 1)])
    np.testing.assert_allclose(p[1:], cut, atol=1e-5)
    assert [answer["time"] for answer in found] == [*range(len(clip))]
    assert main(["classify", "run", "data/blink/1.mkv", "data/still", "--every-step"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows[:3]] == [["data/blink/1.mkv", time] for time in ("0", "0.1", "0.2")]
    (whole,) = task.classify("data/blink/1.mkv")
    assert rows[7][2:] == [whole["label"], *(f"{k}={v:.4f}" for k, v in whole["probabilities"].items())]
    assert len(rows) == 8 + sum(len(film("still", k)) for k in range(10))
    rejected = {answer["label"] for answer in task.watch("new/blink/two.npy", reject=1.0)}
    assert rejected == {"none of these"}


@pytest.mark.parametrize("pooling", ["last", "max", "attention"])
def test_several_networks_and_other_poolings_play_along(beside, pooling):
    options = {"ensemble": 2, "layers": 2, "residual": True, "cell": "gru"}
    task = trained("data.npz", epochs=1, pooling=pooling, **options)
    *_, last = task.watch("new/still/one")
    (whole,) = task.classify("new/still/one")
    assert last["probabilities"] == pytest.approx(whole["probabilities"], abs=1e-5)


def test_a_reopened_run_reads_the_same_clips(beside):
    task = trained("data", epochs=1, out="again")
    data = elman.load("again").opened_data()
    for name, part in task.data.examples.items():
        assert all(map(np.array_equal, data.examples[name].items, part.items))
    first, again = (next(iter(each.parts().training.epoch(3))).inputs.values for each in (task.data, data))
    assert first.shape[2:] == (3, 16, 16)
    assert np.array_equal(first, again)
    np.save("again/steps.npy", np.zeros((5, 1, 16, 15), np.uint8))
    with pytest.raises(InputError, match=r"steps.npy: must be uint8 \[steps, 1, 16, 16\]"):
        elman.load("again").opened_data()


def test_clips_in_memory():
    x = [film(label, k) for k in range(10) for label in STEPS]
    y = [*STEPS] * 10
    options = {name: value for name, value in SMALL.items() if name not in ("split", "frame_size")}
    task = elman.SequenceClassifier(**options).fit(x[:-6], y[:-6], validation=(x[-6:], y[-6:]))
    assert task.config.frame_size == (16, 16)
    assert task.score(x, y) > 0.9
    p = task.predict_proba([x[1]])
    np.testing.assert_allclose(task.predict_proba([x[1] / 255]), p, atol=1e-6)
    padded = np.pad(x[1], ((0, 5), (0, 0), (0, 0)))
    np.testing.assert_allclose(
        task.predict_proba([padded], [len(x[1])]), task.predict_proba([x[1]]), atol=1e-6
    )
    large = x[1].repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(task.predict_proba([large]), p, atol=1e-3)
    colours = [np.stack([clip, clip, 255 - clip], -1) for clip in x]
    task = elman.SequenceClassifier(**options | {"epochs": 1}, colour=True).fit(colours, y)
    assert task.scheme.features == ("red", "green", "blue")
    with pytest.raises(InputError, match=r"X\[1\]: frames must have the size of those before, \[16, 16\]"):
        elman.SequenceClassifier(**options).fit([x[0], large], ["a", "b"])
    with pytest.raises(InputError, match=r"X must be a list of clips"):
        task.predict([])


def test_faulty_clips_are_left_out_while_they_are_few(beside, tmp_path):
    broken = tmp_path / "broken"
    for label in ("across", "blink"):
        for k in range(8):
            write_film(broken / label / f"{k}.mkv", film(label, k))
    write_film(broken / "blink" / "single.mkv", film("blink", 0)[:1])
    (broken / "blink" / "empty.avi").touch()
    (broken / "blink" / "notes.txt").write_text("no clip")
    options = {"epochs": 1, "most_empty": 0.2}
    said = r"empty.avi: is empty \(2 of 18 such rows are left out\)"
    with pytest.warns(UserWarning, match=said):
        task = trained(str(broken), **options)
    assert task.origin.amount.startswith("16 examples")
    with pytest.raises(InputError, match=r"empty.avi: is empty \(2 of 18 rows"):
        trained(str(broken), epochs=1, most_empty=0.0)
    single = str(broken / "blink" / "single.mkv")
    for answer in (task.classify, task.evaluate):
        with pytest.raises(
            InputError, match=r"single.mkv: (a clip must have at least 2 frames. Got 1|has no label)"
        ):
            [*answer(single)]


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        ("data/blink/1.mkv", {}, r"^data/blink/1.mkv: has no label; give a folder with a folder for each"),
        ("texts.csv", {"colour": True}, "^frame_size, frame_rate and colour are for clips. texts.csv"),
        ("data", {"frame_size": (0, 9)}, r"^frame_size must be in \[1, 1e4\]"),
        ("data", {"frame": 2}, "^frame is not for clips"),
        ("pictures", {}, "holds pictures; the pictures of a clip must be in a folder of their own"),
        ("plain.npz", {}, "has no array 'label' with a label for each clip"),
    ],
)
@pytest.mark.spelled_as_in_python
def test_what_cannot_be_learnt_is_told(beside, data, options, said):
    Path("texts.csv").write_text("text,label\n" + "some words,a\nother words,b\n" * 20)
    for label in ("a", "b"):
        write_pictures(Path("pictures") / label, film("blink", 0))
    np.savez("plain.npz", frames=film("blink", 0), offsets=[0, 3, 7])
    with pytest.raises(InputError, match=said):
        trained(data, **options)


def test_labels_while_a_clip_plays_need_clips_and_one_direction(beside):
    both = trained("data.npz", epochs=1, bidirectional=True)
    with pytest.raises(InputError, match=r"needs a run that reads in one direction \(--no-bidirectional\)"):
        [*both.watch("new/blink/one")]
    x, y = np.random.default_rng(0).normal(size=(8, 5, 2)), ["a", "b"] * 4
    numbers = elman.SequenceClassifier(hidden_size=4, epochs=1, rocket="none").fit(x, y)
    with pytest.raises(InputError, match="--every-step is for clips"):
        [*numbers.watch("new/blink/one")]
    with pytest.raises(InputError, match=r"X\[0\]: must hold frames"):
        both.predict(x)
    with pytest.raises(
        InputError, match=r"must be sequences of 2 features, like .* Got clips of 64 × 64 pixels, grey"
    ):
        numbers.answers.examples(Path("data/still/1.mkv"), with_labels=False)


def test_a_run_without_a_validation_part_is_measured(beside):
    task = trained("data.npz", epochs=1, split=(1.0, 0.0, 0.0), test=("new",), follow=(8, 8))
    assert task.results["test"]["examples"] == 9
    assert len(task.results["baselines"]) == 2
    assert task.model.embedding.shape == (3, 8, 8)
    with pytest.raises(InputError, match=r"--follow needs --centre both or own, or --differences"):
        trained("data.npz", follow=(8, 8), centre="none", differences=False)


def test_a_part_of_a_manifest_is_read(beside):
    rows = [f"data/{label}/{k}.mkv,{label},0.1,0.5" for label in STEPS for k in range(10)]
    Path("parts.csv").write_text("\n".join(["path,label,start,end", *rows]))
    config = elman.SequenceClassifier(**SMALL).config
    examples = LabelledData.read(config, [Path("parts.csv")], None).examples["training"]
    assert {len(item) for item in examples.items} == {4}
    k = next(k for k, place in enumerate(examples.places) if place.endswith("row 3"))
    np.testing.assert_array_equal(examples.items[k][:, 0], film("across", 1)[1:5])


@pytest.mark.parametrize(
    ("names", "mirrored"),
    [(("walk", "run"), True), (("turn left", "run"), False), (("a", "b"), False), (("0", "1"), True)],
)
def test_clips_are_mirrored_unless_a_label_says_a_side(names, mirrored):
    config = elman.SequenceClassifier().config
    scheme = Scheme(classes=names, multi_label=False, texts=1)
    assert may_mirror(config, scheme) == mirrored
    always = elman.SequenceClassifier(mirror="yes").config
    assert may_mirror(always, scheme)

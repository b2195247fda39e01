"""The classifier on recordings: folders, manifests, single files and arrays."""

import contextlib
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sounds import tone, write_sound
from tiny import same_bits, weights

import elman
from elman.cli import main
from elman.data.read.audio import Resampler, read_audio
from elman.errors import InputError
from elman.tasks.classification.data import LabelledData
from elman.tasks.classification.spotting import Listener

RATE = 8_000
TONES = {"low": 300.0, "mid": 900.0, "high": 2_200.0}
SMALL = {
    "hidden_size": 8,
    "epochs": 12,
    "batch_size": 4,
    "learning_rate": 0.02,
    "ensemble": 1,
    "rocket": "none",
}


def clip(label: str, k: int) -> np.ndarray:
    return tone(TONES[label] * (1 + 0.01 * k), 0.2 + 0.01 * k, RATE, seed=k)


def write_clips(folder: Path) -> Path:
    """Ten clips a label, in folders, and in a manifest."""
    lines = ["file,label\n"]
    for label in TONES:
        for k in range(10):
            write_sound(folder / "data" / label / f"{k}.wav", clip(label, k), RATE)
            lines.append(f"data/{label}/{k}.wav,{label}\n")
    (folder / "data.csv").write_text("".join(lines))
    return folder


@pytest.fixture
def clips(here: Path) -> Path:
    return write_clips(here)


def trained(data: str | list[str], **options) -> elman.SequenceClassifier:
    out = options.pop("out", None)
    return elman.SequenceClassifier(**{**SMALL, **options}).train(data, out, overwrite=True)


def test_folders_and_a_manifest_give_the_same_model(clips):
    task = trained("data", out="run")
    assert task.config.sample_rate == RATE
    assert task.results["test"]["accuracy"] == 1
    assert len(task.scheme.features) == 40
    # a manifest is in the order of its rows, folders in that of their names
    rows = (clips / "data.csv").read_text().splitlines()
    (clips / "data.csv").write_text("\n".join([rows[0], *sorted(rows[1:])]) + "\n")
    assert same_bits(weights(trained("data.csv").model), weights(task.model))
    again = elman.load("run")
    assert again.evaluate("data.csv")["accuracy"] == task.evaluate("data")["accuracy"] == 1
    answers = [*again.classify(["data/low/3.wav", "data/high", "data.csv"])]
    assert [answer["name"] for answer in answers[:2]] == ["data/low/3.wav", "data/high/0.wav"]
    assert [answer["label"] for answer in answers] == ["low", *["high"] * 10] + [
        row.split(",")[1] for row in sorted(rows[1:])
    ]


def test_lists_of_speech_commands_are_the_parts(clips, caplog):
    caplog.set_level("INFO", "elman")
    names = {"validation_list.txt": (7, 8), "testing_list.txt": (9,)}
    for name, numbers in names.items():
        rows = [f"{label}/{k}.wav\n" for label in TONES for k in numbers]
        (clips / "data" / name).write_text("".join([*rows, "other/0.wav\n"]))
    config = elman.SequenceClassifier(**SMALL).config
    parts = LabelledData.read(config, [Path("data")], None).examples
    found = {part: sorted({int(Path(place).stem) for place in own.places}) for part, own in parts.items()}
    assert found == {"training": [*range(7)], "validation": [7, 8], "test": [9]}
    assert "data/testing_list.txt: names the 3 recordings of the test part" in caplog.text
    assert "left out beside them" not in caplog.text
    caplog.clear()
    for label in TONES:
        write_sound(clips / "new" / label / "a.wav", clip(label, 20), RATE)
    config = elman.SequenceClassifier(**SMALL, test=("new",)).config
    parts = LabelledData.read(config, [Path("data")], None).examples
    assert [len(own) for own in parts.values()] == [24, 6, 3]
    assert "testing_list.txt" not in caplog.text
    (clips / "data" / "testing_list.txt").write_text("other/0.wav\n")
    with pytest.raises(InputError, match=r"testing_list.txt: names none of the recordings in data"):
        trained("data")


def test_one_folder_of_recordings_beside_a_manifest_names_it(clips):
    (clips / "all").mkdir()
    (clips / "data").rename(clips / "all" / "data")
    (clips / "data.csv").rename(clips / "all" / "index.csv")
    message = "all: has one folder of recordings, data, and so one label; the manifest is given by itself: "
    with pytest.raises(InputError, match=f"{message}all/index.csv"):
        trained("all")


def test_other_rates_and_arrays_are_heard_alike(clips):
    x = [clip(label, k) for k in range(10) for label in TONES]
    y = [*TONES] * 10
    task = elman.SequenceClassifier(**SMALL, sample_rate=RATE).fit(
        x[:-6], y[:-6], validation=(x[-6:], y[-6:])
    )
    assert task.predict(x).tolist() == y
    assert task.predict_proba([x[0], x[0]]).shape == (2, 3)  # of one length
    whole = (2**15 * np.stack([x[1], x[1]], 1)).astype(np.int16)
    assert task.predict([whole]).tolist() == ["mid"]
    assert task.predict([np.pad(x[2], (0, 900))], lengths=[len(x[2])]).tolist() == ["high"]
    path = write_sound(clips / "fast.flac", tone(900.0, 0.3, 44_100), 44_100)
    (answer,) = task.classify(path)
    assert answer["label"] == "mid"
    assert np.allclose(
        [*answer["probabilities"].values()],
        task.predict_proba([read_audio(path, RATE).samples])[0],
        atol=1e-6,
    )


def test_noise_is_mixed_in_and_stays_with_the_run(clips):
    write_sound(clips / "noise.wav", tone(50.0, 0.5, RATE), RATE)
    options = {"noise": ("noise.wav",), "epochs": 2}
    with_noise = trained("data", **options, out="run")
    assert not same_bits(weights(with_noise.model), weights(trained("data", epochs=2).model))
    (clips / "noise.wav").unlink()
    reopened = elman.load("run").opened_data()
    assert np.array_equal(reopened.noise[0], with_noise.data.noise[0])
    first, again = (next(iter(data.parts().training.epoch(1))).inputs for data in (with_noise.data, reopened))
    assert np.array_equal(first.values.numpy(), again.values.numpy())
    plain = next(iter(reopened.parts().validation.epoch(0))).inputs.values
    assert np.array_equal(plain, next(iter(with_noise.data.parts().validation.epoch(1))).inputs.values)


def test_faulty_recordings_are_left_out_while_they_are_few(clips):
    write_sound(clips / "data" / "low" / "z.wav", np.zeros(99), RATE)
    (clips / "data" / "low" / "notes.txt").write_text("no sound")
    with pytest.warns(UserWarning, match=r"data/low/z.wav: is silent: .* \(1 of 31 such rows are left out\)"):
        task = trained("data", epochs=1)
    assert task.origin.amount.startswith("30 examples")
    with pytest.raises(InputError, match=r"data/low/z.wav: is silent"):
        trained("data", epochs=1, most_empty=0.0)
    with pytest.raises(InputError, match=r"data/low/z.wav: is silent"):
        [*task.classify("data/low/z.wav")]


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        ("data/low/1.wav", {}, r"^data/low/1.wav: has no label; give a folder with a folder for each label"),
        ("texts.csv", {"sample_rate": 8_000}, r"^sample_rate is for recordings. texts.csv names none.$"),
        ("data", {"sample_rate": 10}, r"^sample_rate must be an int in \[1000, 384000\]. Got 10.$"),
        ("data", {"mels": 1}, r"^mels must be an int in \[2, 200\]. Got 1.$"),
        ("data", {"noise": ("silent",)}, r"^silent: holds no recordings"),
        ("data", {"snr": (9.0, 1.0)}, r"^snr must be two rising numbers"),
        ("texts.csv", {"noise": ("data",)}, r"^noise is for recordings. The examples are none.$"),
        (
            "two.csv",
            {},
            r"two.csv: several columns can hold the labels: label_column='who' or label_column='word'",
        ),
    ],
)
@pytest.mark.spelled_as_in_python
def test_what_cannot_be_learnt_is_told(clips, data, options, said):
    (clips / "texts.csv").write_text("text,label\n" + "some words,a\nother words,b\n" * 20)
    (clips / "silent").mkdir()
    (clips / "two.csv").write_text("path,who,word\n" + "data/low/1.wav,a,b\ndata/low/2.wav,b,a\n" * 5)
    with pytest.raises(InputError, match=said):
        trained(data, **options)


def running_sound(words: list[str], seed: int = 0) -> np.ndarray:
    """A word in the middle of each 1.5 seconds of a little noise."""
    sound = 0.003 * np.random.default_rng(seed).normal(size=round(1.5 * RATE * len(words)))
    for k, word in enumerate(words):
        begin = round((1.5 * k + 0.6) * RATE)
        tone_of = clip(word, 7)
        sound[begin : begin + len(tone_of)] += tone_of
    return sound.astype(np.float32)


@pytest.fixture(scope="module")
def spotter(tmp_path_factory):
    """A run that knows other tones and noise as none of the words, and the folder that it read."""
    clips = write_clips(tmp_path_factory.mktemp("spotted"))
    others = [tone(f, 1.0, RATE, seed=int(f)) for f in (150.0, 500.0, 1_400.0, 3_200.0)]
    noise = 0.003 * np.random.default_rng(1).normal(size=20 * RATE).astype(np.float32)
    write_sound(clips / "rest" / "a.wav", np.concatenate([*others * 8, noise]), RATE)
    write_sound(clips / "rest" / "b.flac", np.concatenate([noise, *others * 8]), RATE)
    with contextlib.chdir(clips):
        return trained("data", background=("rest",), epochs=25, out="run"), clips


def test_words_are_spotted_in_running_sound(spotter, monkeypatch, capfdbinary):
    run, folder = spotter
    monkeypatch.chdir(folder)
    words = ["low", "high", "mid", "high", "low"]
    content = (2**15 * running_sound(words)).astype("<i2").tobytes()
    task = elman.load("run")
    found = [*task.spot(io.BufferedReader(io.BytesIO(content)), rate=RATE, threshold=0.3)]
    assert [spot["label"] for spot in found] == words
    for k, spot in enumerate(found):
        assert abs(spot["time"] - (1.5 * k + 0.735)) < 0.2
        assert 0 < spot["heard"] - spot["time"] < 1.0  # the answer did not wait for the next word
    listener = Listener(task.answers, RATE, 3.0, 0.3)
    at_once = [*listener.take(running_sound(words)), *listener.end()]
    assert [(s["label"], s["time"]) for s in at_once] == [(s["label"], s["time"]) for s in found]
    held = run.results["alarms"]
    assert held["hours"] == pytest.approx(52 / 3600, rel=0.05)
    assert {"none of these", *TONES} == set(run.classes_)
    # as the command has it, of a WAV stream at another rate
    faster = Resampler(RATE, 16_000)(running_sound(words), last=True)
    stream = write_sound(Path("running.wav"), faster, 16_000).open("rb")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
    assert main(["classify", "run", "--stream", "--threshold", "0.3"]) == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert [line.split("\t")[1] for line in lines] == words
    stream.close()


def test_a_rejection_answers_none_of_these(spotter, here):
    run, folder = spotter
    found = run.results["reject"]
    assert 0 < found["threshold"] <= 0.9
    (sure,) = run.classify(folder / "data/mid/2.wav", reject=0.1)
    (unsure,) = run.classify(folder / "data/mid/2.wav", reject=1.0)
    assert (sure["label"], unsure["label"]) == ("mid", "none of these")
    (other,) = run.classify(write_sound(Path("other.wav"), tone(1_400.0, 0.25, RATE, seed=5), RATE))
    assert other["label"] == "none of these"


def test_a_stream_needs_sound_without_words_to_have_been_learnt(clips):
    task = trained("data", epochs=1)
    with pytest.raises(InputError, match=r"^--stream needs a run that was trained with --background$"):
        [*task.spot(io.BufferedReader(io.BytesIO(bytes(99))), rate=RATE)]
    write_sound(clips / "rest.wav", tone(500.0, 0.5), RATE)
    with pytest.raises(InputError, match=r"^--background: rest.wav: must be longer: no training window of"):
        trained("data", background=("rest.wav",))

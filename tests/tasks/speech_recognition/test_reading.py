"""Recordings with transcripts from folders, manifests and arrays; what is bad stops the run or is told."""

import re

import numpy as np
import pytest
import torch
from tiny import SMALL
from tiny_speech import RATE, SPEECH, recordings, sound, wav

from elman.errors import InputError
from elman.tasks.speech_recognition.data import SpeechData
from elman.tasks.speech_recognition.task import SpeechRecognizer

CONFIG = SMALL | SPEECH | {"split": (0.5, 0.25, 0.25)}


def read(paths, **options):
    return SpeechData.read(SpeechRecognizer(**{**CONFIG, **options}).config, paths, None)


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def folder(tmp_path):
    for k, text in enumerate(["lo", "mi mi", "ha lo", "lo ha", "mi", "ha", "mi lo", "lo lo"]):
        write(tmp_path, {f"in/{k}.wav": wav(sound(text, k)), f"in/{k}.txt": f" {text}\n"})
    return tmp_path


def test_a_folder_has_transcripts_beside_its_recordings(folder):
    data = read([folder / "in"])
    assert data.every.texts == ["lo", "mi mi", "ha lo", "lo ha", "mi", "ha", "mi lo", "lo lo"]
    assert data.every.kind == "sound"
    assert [len(rows) for rows in data.index.values()] == [4, 2, 2]
    assert data.every.frames[0].shape == (data.every.lengths[0], 12)


def test_a_manifest_and_features_of_numpy(tmp_path):
    write(tmp_path, recordings(8))
    assert len(read([tmp_path / "recordings.csv"]).every) == 8
    x = np.random.default_rng(0).normal(size=(8, 30, 5))
    np.savez(tmp_path / "a.npz", x=x, y=["ab"] * 8, lengths=np.arange(10, 18))
    data = read([tmp_path / "a.npz"])
    assert data.every.kind == "features"
    assert data.every.lengths.tolist() == [*range(10, 18)]
    for k in range(8):
        np.save(tmp_path / f"{k}.npy", x[k])
    (tmp_path / "list.tsv").write_text("path\ttext\n" + "".join(f"{k}.npy\tab\n" for k in range(8)))
    assert read([tmp_path / "list.tsv"]).every.frames[7].shape == (30, 5)


def test_parts_of_their_own(folder):
    write(folder, {"test/x.wav": wav(sound("ha", 30)), "test/x.txt": "ha"})
    data = read([folder / "in"], test=(folder / "test",))
    assert [len(rows) for rows in data.index.values()] == [6, 2, 1]
    assert data.part("test").texts == ["ha"]


BAD = {
    "silent": ({"in/8.wav": wav(np.zeros(2000)), "in/8.txt": "lo"}, "8.wav: is silent"),
    "empty": ({"in/8.wav": b"", "in/8.txt": "lo"}, "8.wav: is empty"),
    "damaged": ({"in/8.wav": b"RIFF and no more", "in/8.txt": "lo"}, "8.wav: cannot be read as sound"),
    "no transcript": ({"in/8.wav": wav(sound("lo")), "in/8.txt": " \n"}, "8.wav: its transcript is empty"),
    "no file": ({"in/8.wav": wav(sound("lo"))}, "8.wav: must have its transcript beside it, in 8.txt"),
    "too short": (
        {"in/8.wav": wav(sound("lo")), "in/8.txt": "lo mi lo mi lo mi"},
        "8.wav: is too short: its 23 frames give 12 steps, too few for the 17 of its transcript",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_recording_stops_the_run_or_is_left_out_and_told(folder, caplog, name):
    caplog.set_level("INFO", "elman")
    files, message = BAD[name]
    write(folder, files)
    with pytest.raises(InputError, match=re.escape(message) + ".*; --on-bad skip leaves such recordings out"):
        read([folder / "in"])
    data = read([folder / "in"], on_bad="skip")
    assert len(data.every) == 8
    assert f"1 recording left out: {folder}" in caplog.text
    assert message in caplog.text


def test_clipped_recordings_are_told(folder, caplog):
    caplog.set_level("INFO", "elman")
    write(folder, {"in/3.wav": wav(np.clip(sound("lo ha", 3) * 20, -1, 1))})
    data = read([folder / "in"])
    assert len(data.every) == 8
    assert f"1 recording is clipped at full scale; the first: {folder}/in/3.wav" in caplog.text


def test_features_without_transcripts_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((8, 30, 5)))
    with pytest.raises(InputError, match=r"a\.npz: row 0: must have a transcript \(y in an \.npz file\)"):
        read([tmp_path / "a.npz"])


def test_none_left_is_an_error(tmp_path):
    write(tmp_path, {"a.wav": b"", "a.txt": "lo", "b.wav": b"", "b.txt": "lo"})
    with pytest.raises(InputError, match=r"a\.wav: is empty \(and so are all 2 recordings\)"):
        read([tmp_path], on_bad="skip")


def test_kinds_must_not_be_mixed(folder):
    np.save(folder / "in/9.npy", np.ones((9, 12)))
    write(folder, {"in/9.txt": "lo"})
    with pytest.raises(InputError, match=r"9\.npy: must be sound of 12 features, like .*0\.wav"):
        read([folder / "in"])


def test_characters_of_other_parts_that_training_lacks_are_told(folder, caplog):
    caplog.set_level("INFO", "elman")
    write(folder, {"test/x.wav": wav(sound("ha", 30)), "test/x.txt": "z"})
    read([folder / "in"], test=(folder / "test",))
    assert "1 transcripts of the test part have characters that the training part lacks" in caplog.text


def test_the_stride_follows_from_the_closest_transcript(tmp_path):
    x = np.random.default_rng(0).normal(size=(8, 30, 5))
    np.savez(tmp_path / "a.npz", x=x, y=["abcdefghij"] * 8)
    assert read([tmp_path / "a.npz"], stride=None).sizes()["stride"] == 3
    np.savez(tmp_path / "a.npz", x=x, y=["abcdefghij"] * 7 + ["aabbccddee"])
    assert read([tmp_path / "a.npz"], stride=None).sizes()["stride"] == 2


def test_the_rate_follows_from_most_recordings_up_to_16_khz(folder):
    write(folder, {"in/8.wav": wav(sound("lo"), 44_100), "in/8.txt": "lo"})
    data = read([folder / "in"], sample_rate=None)
    assert data.sizes()["sample_rate"] == RATE
    assert len(data.every.frames[8]) == pytest.approx(100 * len(sound("lo")) / 44_100, abs=1)
    data = read([folder / "in" / "8.wav"] * 8, sample_rate=None, split=(1, 0, 0))
    assert data.sizes()["sample_rate"] == 16_000
    assert "sample_rate" not in read_features(folder).sizes()


def read_features(folder):
    np.savez(folder / "a.npz", x=np.random.default_rng(0).normal(size=(8, 30, 5)), y=["ab"] * 8)
    return read([folder / "a.npz"], sample_rate=None)


def test_further_texts_for_the_language_model(folder, tmp_path):
    write(tmp_path, {"texts/a.txt": "lo  ha\n\n mi\n"})
    data = read([folder / "in"], language_texts=(tmp_path / "texts",))
    assert data.further == ["lo ha", "mi"]


def test_noise_is_mixed_into_half_of_the_recordings_of_training(folder, tmp_path):
    noise = 0.3 * np.random.default_rng(1).normal(size=RATE)
    write(tmp_path, {"noise/a.wav": wav(noise.astype(np.float32))})
    options = {"noise": (tmp_path / "noise",), "augment": 0.0, "snr": (0.0, 0.0)}
    noisy, plain = (read([folder / "in"], **more).parts() for more in (options, {"augment": 0.0}))

    def changed(part):
        pairs = zip(getattr(noisy, part).epoch(0), getattr(plain, part).epoch(0), strict=True)
        return [
            not torch.equal(x, y)
            for one, other in pairs
            for x, y in zip(one.inputs.values.unbind(1), other.inputs.values.unbind(1), strict=True)
        ]

    assert {*changed("training")} == {True, False}
    assert {*changed("validation")} == {False}
    np.savez(tmp_path / "a.npz", x=np.random.default_rng(0).normal(size=(8, 30, 5)), y=["ab"] * 8)
    with pytest.raises(InputError, match="--noise is for recordings"):
        read([tmp_path / "a.npz"], **options)


def test_in_streaming_nothing_depends_on_the_whole_recording():
    with pytest.raises(InputError, match="--centre own needs the whole recording"):
        SpeechRecognizer(streaming=True, centre="own")
    assert not SpeechRecognizer(streaming=True).config.is_centred
    assert SpeechRecognizer().config.is_centred


def test_recordings_and_texts_in_memory_must_be_equally_many():
    with pytest.raises(InputError, match="Got 1 recordings and 2 texts"):
        SpeechRecognizer(**CONFIG).fit([sound("lo")], ["lo", "mi"], RATE)

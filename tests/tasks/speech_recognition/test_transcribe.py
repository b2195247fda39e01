"""What a recogniser of tones writes down, with times and confidences."""

import json

import numpy as np
import pytest
from tiny import SMALL
from tiny_speech import RATE, sound, wav

from elman import LanguageModel
from elman.cli import main
from elman.data.transcribed.memory import utterances_in_memory
from elman.errors import InputError
from elman.tasks.speech_recognition.data import form_of, spoken
from elman.tasks.speech_recognition.listening import symbol_errors

TOLD = "ha lo mi"


def test_words_with_their_times_and_confidences(recogniser):
    (answer,) = recogniser.transcribe([sound(TOLD, 99)], RATE)
    assert answer["text"] == TOLD
    assert [word["word"] for word in answer["words"]] == TOLD.split()
    random = np.random.default_rng(99)  # as the sound was made
    begin = 0.0
    for word in answer["words"]:
        length = round(RATE * 0.12 * random.uniform(0.8, 1.2)) / RATE
        random.uniform()
        begin += 0.05
        assert word["begin"] == pytest.approx(begin, abs=0.06)
        assert word["begin"] < word["end"] <= begin + length + 0.06
        assert 0.5 < word["confidence"] <= 1
        begin += length
    assert answer["confidence"] == min(word["confidence"] for word in answer["words"])


def test_files_of_other_rates_say_the_same(recogniser, tmp_path, capsys):
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
    (tmp_path / "a.wav").write_bytes(wav(sound(TOLD, 99)))
    twice = np.repeat(sound(TOLD, 99), 2)
    soundfile.write(tmp_path / "b.flac", np.stack([twice, twice], 1), 2 * RATE)
    recogniser.save(tmp_path / "run")
    command = ["transcribe", str(tmp_path / "run"), str(tmp_path / "a.wav"), str(tmp_path / "b.flac")]
    assert main(command) == 0
    assert capsys.readouterr().out == "".join(f"{tmp_path / name}\t{TOLD}\n" for name in ("a.wav", "b.flac"))
    assert main([*command[:3], "--words", "--json"]) == 0
    (recording,) = json.loads(capsys.readouterr().out)["recordings"]
    assert recording["text"] == TOLD
    assert main([*command[:3], "--words"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == TOLD
    assert [line.split("\t")[3] for line in lines[1:]] == TOLD.split()


def test_a_language_model_and_words_that_are_named(recogniser, tmp_path, capsys):
    options = SMALL | {"hidden_size": 4, "embedding_size": 4, "ngrams": "none"}
    LanguageModel(**options).fit(texts=["lo mi\nha lo\n" * 50], out=tmp_path / "letters")
    (tmp_path / "a.wav").write_bytes(wav(sound(TOLD, 99)))
    (tmp_path / "words.txt").write_text("lo mi\nha\nzwölf\n")
    recogniser.save(tmp_path / "run")
    command = ["transcribe", str(tmp_path / "run"), str(tmp_path / "a.wav")]
    own = ["--language-model", str(tmp_path / "letters"), "--word-list", str(tmp_path / "words.txt")]
    assert main([*command, *own, "--language-weight", "0.3"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{TOLD}\n"
    assert "words.txt: 1 of 4 words have characters that the run's transcripts lack" in printed.err
    lo_mi = {"recordings": [sound("lo mi", 3)], "texts": ["lo mi"], "sample_rate": RATE}
    assert recogniser.evaluate(**lo_mi, language_model=tmp_path / "letters")["word_error_rate"] == 0
    assert recogniser.evaluate(**lo_mi, word_list=["mi"])["word_error_rate"] == 0.5
    (tmp_path / "a.txt").write_text(TOLD)
    (tmp_path / "words.txt").write_text("mi")
    evaluate = ["evaluate", str(tmp_path / "run"), str(tmp_path / "a.wav"), "--json"]
    rates = []
    for flags in ((), own[2:], own[:2]):
        assert main([*evaluate, *flags]) == 0
        rates.append(json.loads(capsys.readouterr().out)["word_error_rate"])
    assert rates == [0, pytest.approx(2 / 3), 0]
    assert main(["evaluate", str(tmp_path / "letters"), str(tmp_path / "a.txt"), *own[2:]]) == 2
    assert "--word-list is for speech recognition. Got " in capsys.readouterr().err


def test_error_rates_of_recordings_in_memory(recogniser):
    said = ["lo lo", "mi ha"]
    sounds = [sound(text, 70 + k) for k, text in enumerate(said)]
    assert recogniser.evaluate(recordings=sounds, texts=said, sample_rate=RATE)["word_error_rate"] == 0
    wrong = recogniser.evaluate(recordings=sounds, texts=["lo", "mi lo"], sample_rate=RATE)
    assert wrong["word_error_rate"] == pytest.approx(2 / 3)


def test_characters_outside_the_alphabet_count_as_errors_and_are_told(recogniser, caplog):
    caplog.set_level("INFO", "elman")
    figures = recogniser.evaluate(recordings=[sound("lo mi", 3)], texts=["lo zü"], sample_rate=RATE)
    assert "2 characters of these transcripts are not in the alphabet of the run, such as 'z' (U+007A" in (
        caplog.text
    )
    assert figures["word_error_rate"] == 0.5


@pytest.mark.parametrize(
    ("recordings", "rate", "message"),
    [
        (
            [np.zeros((9, 12), np.float32)],
            None,
            "recording 0: must be sound of 12 features, as the model was",
        ),
        ([np.zeros(800, np.float32)], RATE, "recording 0: is silent"),
        ([], RATE, "there must be at least one recording"),
    ],
)
def test_what_cannot_be_transcribed_is_refused(recogniser, recordings, rate, message):
    with pytest.raises(InputError, match=message):
        recogniser.transcribe(recordings, rate)


def test_epochs_are_judged_by_the_symbols_that_are_wrong(recogniser):
    said = ["lo mi", "ha"]
    sounds = [sound(text, 70 + k) for k, text in enumerate(said)]
    items = utterances_in_memory(sounds, ["lo mi", "mo"], RATE, form_of(recogniser.config))
    part = recogniser.answers.gathered(items)
    found = symbol_errors(recogniser.model, spoken(recogniser.config, recogniser.facts, part))
    assert found == pytest.approx(2 / 7)


def test_a_long_recording_is_cut_at_its_pauses(recogniser, monkeypatch, tmp_path):
    monkeypatch.setattr("elman.tasks.speech_recognition.transcribing._SEGMENT", 1.5)
    pause = 0.003 * np.random.default_rng(5).normal(size=RATE // 2)
    long = np.concatenate([part for k in range(6) for part in (sound(TOLD, 40 + k), pause)])
    (tmp_path / "long.wav").write_bytes(wav(long))
    (answer,) = recogniser.transcribe([tmp_path / "long.wav"])
    assert answer["text"] == " ".join([TOLD] * 6)
    begins = [word["begin"] for word in answer["words"]]
    assert begins == sorted(begins)
    assert begins[-1] == pytest.approx((len(long) - len(pause)) / RATE - 0.17, abs=0.1)


def test_subtitles_and_a_picture(recogniser, tmp_path, capsys):
    (tmp_path / "a.wav").write_bytes(wav(sound(TOLD, 99)))
    recogniser.save(tmp_path / "run")
    command = ["transcribe", str(tmp_path / "run"), str(tmp_path / "a.wav")]
    assert main([*command, "--to", "srt"]) == 0
    assert capsys.readouterr().out.splitlines()[2] == TOLD
    assert main([*command, "--plot", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert main([*command, str(tmp_path / "a.wav"), "--to", "vtt"]) == 2
    assert "--to is for one recording. Got 2." in capsys.readouterr().err

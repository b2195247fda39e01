"""A run of one direction hears the same as sound arrives as it does in a file."""

import io
import json
from itertools import pairwise

import numpy as np
import pytest
from tiny_speech import RATE, SPEECH, sound, texts, wav

from elman.cli import main
from elman.data.transcribed.memory import utterances_in_memory
from elman.errors import InputError
from elman.tasks.speech_recognition.data import form_of
from elman.tasks.speech_recognition.decoding import Decoding
from elman.tasks.speech_recognition.listening import greedy, text_of
from elman.tasks.speech_recognition.task import SpeechRecognizer

TOLD = ["ha lo mi", "mi lo", "lo"]


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    """A streaming run in a folder, which has learnt the tones, and letters of its transcripts."""
    said = texts(40)
    options = SPEECH | {"hidden_size": 24, "epochs": 40, "batch_size": 4, "learning_rate": 0.02, "ahead": 4}
    task = SpeechRecognizer(
        **options, warmup_steps=0, augment=0.3, language="letters", cell="gru", streaming=True
    )
    run = tmp_path_factory.mktemp("run") / "run"
    return task.fit([sound(text, k, 0.6) for k, text in enumerate(said)], said, RATE, out=run)


@pytest.fixture(scope="module")
def long_sound():
    pause = 0.003 * np.random.default_rng(5).normal(size=RATE)
    parts = [part for k, text in enumerate(TOLD) for part in (sound(text, 90 + k, 0.6), pause)]
    return np.concatenate(parts).astype(np.float32)


class Arriving(io.BytesIO):
    """Bytes of which few come at a time."""

    def read1(self, size=-1):
        return super().read1(min(size, 777))


def heard(task, content, rate=None):
    return [*task.answers.listen(Arriving(content), rate)]


def test_what_arrives_is_heard_as_in_a_file(listener, long_sound, tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(long_sound))
    (offline,) = listener.transcribe([tmp_path / "a.wav"])
    stream = heard(listener, wav(long_sound))
    raw = heard(listener, wav(long_sound)[44:], RATE)
    assert len(offline["words"]) > 3
    assert stream[-1] == raw[-1]
    assert (stream[-1].text, stream[-1].is_final) == (offline["text"], True)
    assert not any(each.is_final for each in stream[:-1])
    assert len(stream) > 5
    settled = [" ".join(each.settled) for each in stream]
    assert all(after.startswith(before) for before, after in pairwise(settled))
    assert len({*settled}) > 2


def test_of_a_batch_the_network_says_the_same(listener):
    answers, said = listener.answers, [sound(text, 90 + k, 0.6) for k, text in enumerate(TOLD)]
    items = utterances_in_memory(said, TOLD, RATE, form_of(listener.config))
    together = [answers.text(log_p) for log_p in answers.log_probabilities(answers.gathered(items))]
    assert together == [each["text"] for each in listener.transcribe(said, RATE)]
    assert all(together)


def test_without_a_language_model_the_text_so_far_is_that_of_the_best_path(listener):
    facts = listener.facts
    log_p = np.random.default_rng(0).normal(size=(60, len(facts.symbols) + 1)).astype(np.float32)
    decoding = Decoding(facts, None, 1, seconds=0.001)
    for k in range(0, 60, 3):
        decoding.push(log_p[k : k + 3])
        assert decoding.partial() == text_of(facts, greedy(facts, log_p[: k + 3]))
    assert len(decoding.partial()) > 20


def test_the_command_prints_settled_words_or_objects(listener, long_sound, monkeypatch, capsys):
    class Input:
        buffer = Arriving(wav(long_sound))

    monkeypatch.setattr("sys.stdin", Input)
    assert main(["transcribe", str(listener.folder), "--stream"]) == 0
    printed = capsys.readouterr()
    (offline,) = listener.transcribe([long_sound], RATE)
    assert printed.out.split() == offline["text"].split()
    assert len(printed.out.splitlines()) > 2
    assert "real-time factor" in printed.err
    Input.buffer = Arriving(wav(long_sound))
    assert main(["transcribe", str(listener.folder), "--stream", "--json"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert objects[-1] == {"text": offline["text"], "final": True}
    assert {each["final"] for each in objects[:-1]} == {False}


def test_a_run_of_both_directions_cannot_listen():
    said = texts(20)
    both = SpeechRecognizer(**SPEECH, hidden_size=4, epochs=1, language="none")
    both.fit([sound(text, k) for k, text in enumerate(said)], said, RATE)
    with pytest.raises(
        InputError, match="--stream needs a run that reads in one direction: train with --str"
    ):
        both.answers.listen(io.BytesIO(b""), RATE)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--stream", "a.wav"], "--stream reads standard input and goes with no file"),
        ([], "transcribe needs a recording, or --stream"),
        (["a.wav", "--rate", "8000"], "--rate goes with --stream"),
    ],
)
def test_flags_that_exclude_each_other(listener, flags, message, capsys):
    assert main(["transcribe", str(listener.folder), *flags]) == 2
    assert message in capsys.readouterr().err

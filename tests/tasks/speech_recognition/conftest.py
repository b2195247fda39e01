"""A recogniser of tones that has learnt them."""

import pytest
from tiny_speech import RATE, SPEECH, sound, texts

from elman.tasks.speech_recognition.task import SpeechRecognizer

LEARNT = SPEECH | {"hidden_size": 20, "epochs": 40, "batch_size": 4, "learning_rate": 0.02}


@pytest.fixture(scope="session")
def recogniser():
    """Trained on sound in memory, without a language model."""
    said = texts(50)
    task = SpeechRecognizer(**LEARNT, warmup_steps=0, augment=0.3, language="none", cell="gru")
    return task.fit([sound(text, k) for k, text in enumerate(said)], said, RATE)

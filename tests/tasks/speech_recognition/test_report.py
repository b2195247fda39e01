"""The report of a recogniser, and what it proposes."""

from elman.tasks.speech_recognition.answers import SpeechAnswers
from elman.tasks.speech_recognition.options import SpeechConfig

RATES = {"word_error_rate": 0.9, "character_error_rate": 0.7}
RESULTS = {
    "steps": 300,
    "test": {**RATES, "recordings": 4},
    "baselines": {"most frequent transcript": RATES | {"word_error_rate": 0.8}},
    "worst": [{"place": "a.wav", "errors": 1, "transcript": "one two", "understood": "one"}],
}


def test_the_report_says_where_it_is_behind_and_shows_the_worst():
    report = SpeechAnswers(SpeechConfig(), None).report(RESULTS)
    assert "the model is behind most frequent transcript by 0.1 (word errors)" in report
    assert report.endswith("a.wav\none [two]\none []")


def test_few_steps_and_many_wrong_letters_call_for_more_steps():
    answers = SpeechAnswers(SpeechConfig(epochs=40), None)
    (remedy,) = answers.proposals(RESULTS)
    assert remedy.flags == "--epochs 267"
    assert "changed 300 times" in remedy.why
    assert not [*answers.proposals(RESULTS | {"steps": 5000})]
    assert not [*answers.proposals(RESULTS | {"test": {**RATES, "character_error_rate": 0.1}})]

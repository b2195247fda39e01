"""Messages name options as the command line spells them, and in Python as Python does."""

import logging
import pickle

import pytest

import elman
from elman.errors import InputError, as_option, spelled_as_flags
from elman.notice import notice
from elman.tasks.shared.advice import advice_lines

pytestmark = pytest.mark.spelled_as_in_python

SPELLED = {
    "--dropout must be in [0, 1). Got 2.": "dropout must be in [0, 1). Got 2.",
    "t.csv: --id-column trip --label-column kind or --id-column trip --label-column driver": (
        "t.csv: id_column='trip' label_column='kind' or id_column='trip' label_column='driver'"
    ),
    "x (--missing k.A. counts it as missing)": "x (missing k.A. counts it as missing)",
    "needs --level words. Got bytes.": "needs level='words'. Got bytes.",
    "(5 of 24 rows; --most-empty 0.21 leaves them out)": "(5 of 24 rows; most_empty 0.21 leaves them out)",
    "say --table wide.": "say table='wide'.",
    "give --epochs 20": "give epochs=20",
    "2.75 with --decimal . and 2750 with --decimal ,": "2.75 with decimal='.' and 2750 with decimal=','",
    "add --label-separator '|'": "add label_separator='|'",
    "the others by --past, --known-future or --static)": "the others by past, known_future or static)",
    "--no-tied leaves it": "tied=False leaves it",
    "a file --- of dashes -- and --": "a file --- of dashes -- and --",
}


@pytest.mark.parametrize("flags", SPELLED)
def test_options_are_spelled_as_in_python(flags):
    assert as_option(flags) == SPELLED[flags]
    error = InputError(flags)
    assert str(error) == str(pickle.loads(pickle.dumps(error))) == SPELLED[flags]
    with spelled_as_flags():
        assert str(error) == flags


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: elman.SequenceClassifier(word_dropout=1.5), r"^word_dropout must be in \[0, 1\)\. Got 1\.5"),
        (lambda: elman.LanguageModel(hidden_size=0), "^hidden_size must be an int"),
        (lambda: elman.Forecaster(horizon=0), "^horizon must be"),
        (lambda: elman.SequenceClassifier(freeze_vectors=True), "^freeze_vectors needs vectors$"),
    ],
)
def test_classes_speak_of_their_options(make, told):
    with pytest.raises(InputError, match=told):
        make()


def test_files_read_in_python_name_options_of_python(tmp_path):
    (tmp_path / "t.csv").write_text(
        "one,two\n" + "".join(f"{'ab'[k % 2]}x,{'cd'[k % 2]}y\n" for k in range(20))
    )
    with pytest.raises(InputError, match="text_column='one' label_column='two' or text_column='two'"):
        elman.SequenceClassifier().train([tmp_path / "t.csv"], None)


def test_notices_and_advice_name_options_of_python(caplog):
    results = {"what_to_try": [{"flags": "--dropout 0.6 --tied", "why": "more than --epochs 20 says"}]}
    with caplog.at_level(logging.INFO, "elman"):
        notice("left out (--ngrams none keeps them out)")
        assert advice_lines(results)[-1] == "  dropout=0.6 tied: more than epochs 20 says"
        with spelled_as_flags():
            notice("left out (--ngrams none keeps them out)")
            assert advice_lines(results)[-1] == "  --dropout 0.6 --tied: more than --epochs 20 says"
    assert caplog.messages == [
        "left out (ngrams none keeps them out)",
        "left out (--ngrams none keeps them out)",
    ]

"""What the translator's tests share: a run that has learnt."""

import pytest
from tiny import sentences
from tiny_translator import LEARNS

import elman
from elman.tasks.translation.task import Translator


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A run that has learnt to translate word by word and backwards."""
    folder = tmp_path_factory.mktemp("translation")
    (folder / "pairs.tsv").write_text(sentences(500))
    Translator(**LEARNS).train(folder / "pairs.tsv", folder / "run")
    return folder / "run"


@pytest.fixture(scope="session")
def task(folder):
    return elman.load(folder)

"""A tagger of names and years, trained once."""

import pytest
from tiny import tagged

import elman

OPTIONS = {"hidden_size": 12, "batch_size": 4, "epochs": 8, "learning_rate": 0.02, "dropout": 0.1}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run in one direction, and its folder."""
    folder = tmp_path_factory.mktemp("tagging")
    (folder / "train.conll").write_text(tagged(60))
    task = elman.SequenceTagger(**OPTIONS, bidirectional=False, embedding_size=8, character_features=12)
    return task.train(folder / "train.conll", folder / "run")

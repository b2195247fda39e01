"""What the classifier's tests share."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_pictures():
    """They take longer than the training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elman.tasks.shared.task.draw_curve", lambda *_: None)
        patch.setattr("elman.tasks.classification.answers.draw_confusion", lambda *_: None)
        yield


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path

from pathlib import Path

import pytest
from task_cases import CASES

from elman import MusicModel


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run, with its files beside it."""
    folder = tmp_path_factory.mktemp("music")
    CASES["music"].train(folder)
    return folder / "run"


@pytest.fixture
def options() -> dict[str, object]:
    """Options of a small run."""
    return dict(CASES["music"].options)


@pytest.fixture
def model(run: Path) -> MusicModel:
    """The model of that run."""
    from elman import load

    return load(run)

"""What every test shares: one thread, one seed, poisoned memory, and the data beside the checkout."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)  # the tests are small: threads would only wait for each other
settings.register_profile("elman", deadline=None, derandomize=True)
settings.load_profile("elman")


def pytest_configure(config: pytest.Config) -> None:
    # torch says so once a process, of its own layers as well
    config.addinivalue_line("filterwarnings", "ignore:LSTM with projections is not supported with oneDNN")


@pytest.fixture(autouse=True)
def reproducible(request: pytest.FixtureRequest) -> None:
    """The same random numbers in every test, and NaN in memory that nobody has written."""
    torch.manual_seed(0)
    # on CUDA some operations have no deterministic form, which the poison would ask for
    torch.use_deterministic_algorithms(request.node.get_closest_marker("gpu") is None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public datasets; ``ELMAN_SHARED`` names another."""
    folder = Path(os.environ.get("ELMAN_SHARED", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no datasets at {folder}; ELMAN_SHARED names another folder")
    return folder

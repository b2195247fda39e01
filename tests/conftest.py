"""What every test shares: one thread, one seed, poisoned memory, and the data beside the checkout."""

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partialmethod
from pathlib import Path

import pytest
import torch
from forked import Forked
from hypothesis import settings
from matplotlib.figure import Figure

from elman.errors import spelled_as_flags

os.environ.setdefault("ELMAN_COMPILE", "never")  # tests/compiler says where kernels are built
torch.set_num_threads(1)  # the tests are small: threads would only wait for each other
settings.register_profile("elman", deadline=None, derandomize=True)
settings.load_profile("elman")


LONG = (
    "conformance/test_tasks.py",
    "conformance/test_new_cell_and_task.py",
    "layers/test_onnx.py",
    "kernels/test_operator.py",
    "docs/test_lessons.py",
    "tasks/test_several_runs.py",
    "tasks/shared/test_start.py",
    "test_readme.py",
    "test_shell.py",
    "test_light_imports.py",
    "train/test_kill.py",
    "inspect/test_inspect_report.py",
)
"""Files of few tests that take long. Of several processes none should begin one when the others end."""


DRAWN = (
    "pictures",
    "inspect",
    "docs",
    "test_readme.py",
    "test_shell.py",
    "test_long_memory.py",
    "test_why_attention.py",
    "test_detect.py",
    "test_forecast.py",
    "test_query.py",
    "test_translate.py",
    "test_transcribe.py",
    "test_numbers.py",
)
"""Folders and files of tests whose pictures are rendered. It takes longer than a small training."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the files that take longest: those of ``LONG``, then those with most tests."""
    home, counts = Path(__file__).parent, Counter(item.path for item in items)
    ranks = {home / name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: (ranks.get(item.path, len(LONG)), -counts[item.path]))


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # the order above, not xdist's by the number of tests
    # torch says so once a process, of its own layers as well
    config.addinivalue_line("filterwarnings", "ignore:LSTM with projections is not supported with oneDNN")


@pytest.fixture(scope="module", autouse=True)
def _small_heap() -> None:
    """What lives at a module's start is left out of later garbage collections, which would take most time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def reproducible(request: pytest.FixtureRequest) -> None:
    """The same random numbers in every test, and NaN in memory that nobody has written."""
    if torch.cuda.is_available():
        torch.manual_seed(0)
    else:
        torch.default_generator.manual_seed(0)  # torch's function writes down the stack, which takes longer
    # on CUDA some operations have no deterministic form, which the poison would ask for
    torch.use_deterministic_algorithms(request.node.get_closest_marker("gpu") is None)


@pytest.fixture(autouse=True)
def _flags(request: pytest.FixtureRequest) -> Iterator[None]:
    """Messages name options as the command line does, so that both kinds of test expect one wording."""
    if request.node.get_closest_marker("spelled_as_in_python"):
        yield
        return
    with spelled_as_flags():
        yield


@pytest.fixture(scope="module", autouse=True)
def _quick(request: pytest.FixtureRequest) -> Iterator[None]:
    """What takes longer than a small training is done in part, but for the tests that look at it.

    Figures are made everywhere, and lettered and rendered in the tests of ``DRAWN``. The weights of combined
    forecasts move by a tenth of their steps. A language model's sample is short.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elman.tasks.language_model.answers._SAMPLE", 50)
        if "test_combination.py" not in request.path.parts:
            patch.setattr("elman.baselines.combination._STEPS", 30)
        if not {*DRAWN} & {*request.path.parts}:
            patch.setattr(Figure, "savefig", partialmethod(_blank, Figure.savefig))
            patch.setattr("elman.pictures.base.letter", lambda figure: None)
        yield


def _blank(figure: Figure, save: Callable[..., None], file: object, **options: object) -> None:
    """Writes a picture of nothing in place of a file."""
    if isinstance(file, Path):
        file.write_bytes(b"not rendered")
    else:
        save(figure, file, **options)


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    """Runs commands in new processes; it imports torch once for all files."""
    if not hasattr(os, "fork"):
        pytest.skip("this system forks no processes")
    with Forked(tmp_path_factory.mktemp("forked")) as forked:
        yield forked


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public datasets; ``ELMAN_SHARED`` names another."""
    folder = Path(os.environ.get("ELMAN_SHARED", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no datasets at {folder}; ELMAN_SHARED names another folder")
    return folder

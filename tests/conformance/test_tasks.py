"""Every task keeps the promises that ``elman.testing`` checks; a new folder in ``tasks/`` needs a case."""

from collections.abc import Iterator

import pytest
from task_cases import CASES

from elman.registry import task_names
from elman.tasks.language_model import answers as language_model
from elman.testing import task_checks


@pytest.fixture(scope="module", autouse=True)
def short_sample() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language_model, "_SAMPLE", 50)
        yield


def test_every_task_has_a_case():
    assert set(CASES) == set(task_names())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in task_checks()])
def test_keeps_its_promise(name, check):
    check(CASES[name])

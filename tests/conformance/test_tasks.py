"""Every task keeps the promises that ``elman.testing`` checks; a new folder in ``tasks/`` needs a case."""

import os
from collections.abc import Iterator

import pytest
from task_cases import CASES, CLIPS

from elman.registry import task_names
from elman.testing import task_checks


@pytest.fixture(scope="module", autouse=True)
def quick(request: pytest.FixtureRequest) -> Iterator[None]:
    """New processes are forks of one that has imported torch."""
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(os, "fork"):
            forked = request.getfixturevalue("forked")
            patch.setattr("elman.testing.tasks.in_new_process", forked.run)
        yield


def test_every_task_has_a_case():
    assert set(CASES) == set(task_names())


@pytest.mark.parametrize("name", [*CASES, "clips"])
@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in task_checks()])
def test_keeps_its_promise(name, check):
    check((CASES | {"clips": CLIPS})[name])

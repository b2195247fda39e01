"""A composer of events keeps the promises of every task."""

from dataclasses import replace

import pytest
from task_cases import CASES

from elman.testing import task_checks

MUSIC = CASES["music"]
OPTIONS = {name: value for name, value in MUSIC.options.items() if name != "note_units"}
CASE = replace(MUSIC, options=OPTIONS | {"representation": "events", "stretch": 0.25, "window": 41})


@pytest.fixture(scope="module", autouse=True)
def quick(request):
    """New processes are forks of one that has imported torch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elman.testing.tasks.in_new_process", request.getfixturevalue("forked").run)
        yield


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in task_checks()])
def test_keeps_its_promise(check):
    check(CASE)

"""Every head keeps the promises that ``elman.testing`` checks; a new file in ``heads/`` needs a case."""

import pytest
from head_cases import CASES

from elman.heads.base import SequenceHead
from elman.testing import head_checks, registered_heads

EVERY = registered_heads()
HEADS = {name: head for name, head in EVERY.items() if not issubclass(head, SequenceHead)}


def test_every_head_has_a_case():
    assert set(CASES) == set(HEADS)
    for name, head in HEADS.items():
        assert type(CASES[name].make()) is head
    for head in EVERY.values():
        assert "Units:" in head.__doc__


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in head_checks()])
def test_keeps_its_promise(name, check):
    check(CASES[name])

"""Every head keeps the promises that ``elman.testing`` checks; a new file in ``heads/`` needs a case."""

import pytest
from head_cases import CASES, SEQUENCE_CASES

from elman.batch import Target
from elman.heads.base import SequenceHead
from elman.heads.ctc import CTC
from elman.testing import (
    SequenceHeadCase,
    check_sequence_head,
    head_checks,
    registered_heads,
    sequence_head_checks,
)
from elman.testing.heads import FEATURES

EVERY = registered_heads()
HEADS = {name: head for name, head in EVERY.items() if not issubclass(head, SequenceHead)}


def test_every_head_has_a_case():
    assert set(CASES) == set(HEADS)
    assert set(CASES) | set(SEQUENCE_CASES) == set(EVERY)
    for name, case in {**CASES, **SEQUENCE_CASES}.items():
        assert type(case.make()) is EVERY[name]
    for head in EVERY.values():
        assert "Units:" in head.__doc__


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in head_checks()])
def test_keeps_its_promise(name, check):
    check(CASES[name])


@pytest.mark.parametrize("name", SEQUENCE_CASES)
@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in sequence_head_checks()])
def test_a_head_for_sequences_keeps_its_promise(name, check):
    check(SEQUENCE_CASES[name])


def test_broken_promises_of_a_head_for_sequences_are_named():
    class Careless(CTC):
        """Reads the padding, and forgets the weights."""

        def loss(self, features, target, lengths=None):
            return super().loss(features, Target(target.values, lengths=target.lengths))

    with pytest.raises(AssertionError, match="Careless breaks 3 of 6 promises") as broken:
        check_sequence_head(SequenceHeadCase(lambda: Careless(FEATURES, 2), 2))
    for name in ("a_padded_batch_has_the_loss", "single_losses_are", "a_weight_of_0_drops"):
        assert name in str(broken.value)

"""A case for every head of the package."""

import torch

from elman.heads.categorical import Categorical
from elman.heads.crf import CRF
from elman.heads.ctc import CTC
from elman.heads.multi_label import MultiLabel
from elman.heads.negative_binomial import NegativeBinomial
from elman.heads.normal import Normal
from elman.heads.note_by_note import NoteByNote
from elman.heads.quantile import Quantile
from elman.heads.squared_error import SquaredError
from elman.heads.student_t import StudentT
from elman.testing.heads import FEATURES as F
from elman.testing.heads import HeadCase
from elman.testing.sequence_heads import SequenceHeadCase

OUT = 4
REALS = torch.linspace(-300, 300, 60_001, dtype=torch.float64)
SETS = torch.cartesian_prod(*[torch.arange(2.0)] * OUT)


def real(leading: tuple[int, ...]) -> torch.Tensor:
    return torch.randn(leading, dtype=torch.float64)


def beside(best: torch.Tensor) -> list[torch.Tensor]:
    return [best - 0.1, best + 0.1]


CASES = {
    "categorical": HeadCase(
        lambda: Categorical(F, OUT),
        lambda leading: torch.randint(OUT, leading),
        lambda best: [(best + k) % OUT for k in range(1, OUT)],
    ),
    "crf": HeadCase(
        lambda: CRF(F, OUT),
        lambda leading: torch.randint(OUT, leading),
        lambda best: (
            [(best + k) % OUT for k in range(1, OUT)] + [best ^ (torch.arange(len(best)) == 0).int()[:, None]]
        ),
        chained=True,
    ),
    "negative-binomial": HeadCase(
        lambda: NegativeBinomial(F),
        lambda leading: torch.randint(6, leading).double(),
        lambda best: [best + 2, best + 9, (best - 2).clamp(min=0) + 4 * (best < 2)],
        torch.arange(3000.0),
    ),
    "normal": HeadCase(lambda: Normal(F), real, beside, REALS),
    "quantile": HeadCase(lambda: Quantile(F), real, beside),
    "student-t": HeadCase(lambda: StudentT(F), real, beside, REALS),
    "multi-label": HeadCase(
        lambda: MultiLabel(F, OUT),
        lambda leading: torch.randint(2, (*leading, OUT)).double(),
        lambda best: [(best + flip) % 2 for flip in torch.eye(OUT)] + [1 - best],
    ),
    "note-by-note": HeadCase(
        lambda: NoteByNote(F, OUT, hidden=5),
        lambda leading: torch.randint(2, (*leading, OUT)).double(),
        lambda best: [(best + other) % 2 for other in SETS[1:]],
    ),
    "squared-error": HeadCase(
        lambda: SquaredError(F, OUT),
        lambda leading: torch.randn(*leading, OUT, dtype=torch.float64),
        lambda best: [best + step for step in torch.eye(OUT).mul(0.1)] + [best - 0.1],
    ),
}


SEQUENCE_CASES = {"ctc": SequenceHeadCase(lambda: CTC(F, 2), 2)}
"""A case for each head whose targets are shorter than what they are read from."""

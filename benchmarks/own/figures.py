"""Figures of each test row, the same for all methods."""

from collections.abc import Sequence


def accuracy_rows(labels: Sequence[str], predicted: Sequence[str]) -> list[float]:
    """Returns 1 for each right label, 0 for each wrong one."""
    return [float(label == guess) for label, guess in zip(labels, predicted, strict=True)]


def chrf_rows(translations: Sequence[str], references: Sequence[str]) -> list[float]:
    """Returns chrF of each sentence, 0 to 100."""
    from sacrebleu import sentence_chrf  # translation alone needs it

    pairs = zip(translations, references, strict=True)
    return [sentence_chrf(translation, [reference]).score for translation, reference in pairs]


def corpus_bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """Returns BLEU of the test part, 0 to 100."""
    from sacrebleu import corpus_bleu as bleu

    return bleu(list(translations), [list(references)]).score

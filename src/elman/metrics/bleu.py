"""BLEU and chrF of translations, by sacrebleu."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sacrebleu.metrics import BLEU, CHRF


def translation_scores(
    translations: list[str], references: list[str], tokenizer: str = "13a"
) -> dict[str, float]:
    """Scores translations against one reference each.

    Args:
        translations: N plain texts, not tokenized.
        references: N texts.
        tokenizer: sacrebleu's tokenizer: 13a, intl, zh, char, …

    Returns:
        ``bleu``, ``bleu_lowercase`` (of texts in lower case) and ``chrf``.

    Units:
        0 to 100; higher is better.

    Source: Papineni et al. 2002; Popović 2015; Post 2018, arXiv:1804.08771.
    """
    with _silent():
        return {
            name: metric.corpus_score(translations, [references]).score
            for name, metric in _metrics(tokenizer).items()
        }


def signatures(tokenizer: str = "13a") -> dict[str, str]:
    """Returns sacrebleu's signature of each score, which makes scores comparable."""
    by_name = {}
    with _silent():
        for name, metric in _metrics(tokenizer).items():
            metric.corpus_score(["a"], [["a"]])  # the number of references is known only after a score
            by_name[name] = str(metric.get_signature())
    return by_name


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps sacrebleu's log to itself: its advice names flags of its own command, which nobody here gave."""
    logger = logging.getLogger("sacrebleu")
    disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = disabled


def _metrics(tokenizer: str) -> dict[str, Any]:
    return {
        "bleu": BLEU(tokenize=tokenizer),
        "bleu_lowercase": BLEU(tokenize=tokenizer, lowercase=True),
        "chrf": CHRF(),
    }

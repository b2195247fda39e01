"""BLEU and chrF of translations, by sacrebleu."""

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
    return {
        name: metric.corpus_score(translations, [references]).score
        for name, metric in _metrics(tokenizer).items()
    }


def signatures(tokenizer: str = "13a") -> dict[str, str]:
    """Returns sacrebleu's signature of each score, which makes scores comparable."""
    by_name = {}
    for name, metric in _metrics(tokenizer).items():
        metric.corpus_score(["a"], [["a"]])  # the number of references is known only after a score
        by_name[name] = str(metric.get_signature())
    return by_name


def _metrics(tokenizer: str) -> dict[str, Any]:
    return {
        "bleu": BLEU(tokenize=tokenizer),
        "bleu_lowercase": BLEU(tokenize=tokenizer, lowercase=True),
        "chrf": CHRF(),
    }

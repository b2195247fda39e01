"""How near translations are to a reference, by the field's own program."""

from typing import Any

from sacrebleu.metrics import BLEU, CHRF


def translation_scores(
    translations: list[str], references: list[str], tokenizer: str = "13a"
) -> dict[str, float]:
    """Scores of translations against one reference each.

    Args:
        translations: N texts as a reader would see them.
        references: N texts.
        tokenizer: how sacrebleu cuts texts into words: 13a, intl, zh, char, …

    Returns:
        ``bleu``, ``bleu_lowercase`` (both texts in lower case first) and ``chrf``.

    Units:
        0 to 100; higher is better.

    Source: Papineni et al. 2002; Popović 2015; Post 2018, arXiv:1804.08771.
    """
    return {
        name: metric.corpus_score(translations, [references]).score
        for name, metric in _metrics(tokenizer).items()
    }


def signatures(tokenizer: str = "13a") -> dict[str, str]:
    """All that must be known to compare a score with others, as sacrebleu writes it."""
    found = {}
    for name, metric in _metrics(tokenizer).items():
        metric.corpus_score(["a"], [["a"]])  # it must have scored to know how many references
        found[name] = str(metric.get_signature())
    return found


def _metrics(tokenizer: str) -> dict[str, Any]:
    return {
        "bleu": BLEU(tokenize=tokenizer),
        "bleu_lowercase": BLEU(tokenize=tokenizer, lowercase=True),
        "chrf": CHRF(),
    }

"""Figures of a tagger as readable lines."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elman.config import counted
from elman.diagnose.remedies import Remedy
from elman.tasks.shared.table import behind_lines, shorten, table_lines
from elman.tasks.tagging.options import TaggingConfig

_FIGURES = {
    "accuracy": "accuracy",
    "accuracy_unknown": "of unknown words",
    "precision": "precision",
    "recall": "recall",
    "f1": "span F1",
    "macro_f1": "macro F1",
}
_MOST_TAGS, _LONGEST_TAG, _MOST_PAIRS, _MOST_SENTENCES, _WIDTH = 30, 30, 5, 3, 100


def report_lines(results: Mapping[str, Any]) -> list[str]:
    """Returns the figures of all methods, of each tag or type, the confusions and the worst sentences."""
    part = "test" if "test" in results else "validation"
    if part not in results:
        return ["trained on all sequences; no test part"]
    lines = _method_lines(part, results[part], results.get("baselines", {}))
    if "unlabelled" in results:
        lines.append(f"words of {counted(results['unlabelled'], 'sentence')} without tags are known as well")
    if results.get("bias"):
        lines.append(f"tags of spans count {results['bias']:+g} nats, as the validation part chose for F1")
    if results.get("tags"):
        lines += ["", *_tag_lines(results["tags"], "type" if "f1" in results[part] else "tag")]
    if results.get("confusions"):
        step = "word" if "words" in results[part] else "step"
        lines += ["", *_confusion_lines(results["confusions"], step)]
    if results.get("worst"):
        lines += ["", *_sentence_lines(results["worst"])]
    return lines


def _method_lines(part: str, own: Mapping[str, Any], baselines: Mapping[str, Any]) -> list[str]:
    heads = {key: head for key, head in _FIGURES.items() if key in own}
    rows = {
        name: [f"{figures[key]:.4f}" for key in heads]
        for name, figures in {**baselines, "this model": own}.items()
    }
    number, step = ("sentence", "word") if "words" in own else ("sequence", "step")
    title = f"on the {part} part ({counted(own[f'{number}s'], number)}, {counted(own[f'{step}s'], step)})"
    compared = {"f1": "span F1"} if "f1" in own else {"accuracy": "accuracy"}
    lines = [
        *table_lines(title, list(heads.values()), rows),
        *behind_lines(own, baselines, compared, higher_is_better=True),
    ]
    if "unknown_words" in own:
        lines.append(f"unknown words: {own['unknown_words']:,}, which the training part lacks")
    return lines


def _tag_lines(tags: Mapping[str, Any], what: str) -> list[str]:
    rows = {
        shorten(name, _LONGEST_TAG): [
            *(f"{figures[key]:.4f}" for key in ("precision", "recall", "f1")),
            f"{figures['number']:,.0f}",
        ]
        for name, figures in list(tags.items())[:_MOST_TAGS]
    }
    lines = table_lines(what, ("precision", "recall", "F1    ", "number"), rows)
    left_out = len(tags) - _MOST_TAGS
    return [*lines, f"… and {left_out} more"] if left_out > 0 else lines


def _confusion_lines(pairs: Sequence[Mapping[str, Any]], step: str) -> list[str]:
    lines = (
        f"  {each['predicted']} for {each['tag']}: {counted(each['times'], step)}"
        for each in pairs[:_MOST_PAIRS]
    )
    return ["most often confused:", *lines]


def _sentence_lines(sentences: Sequence[Mapping[str, Any]]) -> list[str]:
    if "words" not in sentences[0]:
        rows = (
            f"  {each['place']}: {each['wrong']:,} of {each['of']:,} wrong"
            for each in sentences[:_MOST_SENTENCES]
        )
        return ["the worst sequences:", *rows]
    lines = ["the worst sentences, with each wrong tag and the right one:"]
    for each in sentences[:_MOST_SENTENCES]:
        words = [
            word if own == other else f"{word} [{other}, right: {own}]"
            for word, own, other in zip(each["words"], each["tags"], each["predicted"], strict=True)
        ]
        lines.append(f"  {shorten(' '.join(words), 2 * _WIDTH)}")
    return lines


def proposals(config: TaggingConfig, results: Mapping[str, Any]) -> Iterator[Remedy]:
    """Proposes options for a run that a simple method is ahead of."""
    own, others = results.get("test", {}), results.get("baselines", {})
    key = "f1" if "f1" in own else "accuracy"
    ahead = [name for name, row in others.items() if row[key] > own.get(key, 1.0)]
    if not ahead:
        return
    why = f"{max(ahead, key=lambda name: others[name][key])} is ahead"
    if config.head == "softmax" and "f1" in own:
        yield Remedy({"head": "crf"}, f"{why}: tags of spans depend on each other")
    yield Remedy({"layers": config.layers + 1}, f"{why}: a second layer reads what the first one found")

"""Results as lines for people."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.metrics.calibration import is_bound
from elman.metrics.label_figures import surest_mistakes

if TYPE_CHECKING:
    from elman.data.labelled.examples import Labelled

_MOST_LABELS, _LONGEST_LABEL, _MOST_MISTAKES = 30, 30, 5
_KEPT, _EXCERPT = 10, 160  # mistakes that results hold, and how many characters of each


def table_lines(title: str, heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> list[str]:
    """A table: the rows' names under the title, their cells to the right under the heads."""
    width = max(map(len, [title, *rows]))
    lines = [f"{title:<{width}}  {'  '.join(heads)}"]
    for name, cells in rows.items():
        shown = "  ".join(f"{cell:>{len(head)}}" for cell, head in zip(cells, heads, strict=True))
        lines.append(f"{name:<{width}}  {shown}")
    return lines


def shorten(text: str, most: int) -> str:
    """The text, cut to ``most`` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def behind_line(own: float, others: Mapping[str, float], figure: str, *, higher_is_better: bool) -> list[str]:
    """One line where a simple method is better than the model, which names the best; else none."""
    if not others:
        return []
    best = (max if higher_is_better else min)(others, key=lambda name: others[name])
    gap = others[best] - own if higher_is_better else own - others[best]
    return [f"the model is behind {best} by {gap:.4g} ({figure})"] if gap > 0 else []


def kept_mistakes(
    examples: "Labelled", truth: np.ndarray, p: np.ndarray, names: Sequence[str]
) -> list[dict[str, Any]]:
    """The mistakes that a model was surest of, each with its place, the beginning of its text and labels.

    Args:
        examples: N of one label each.
        truth: [N, V] of 0 and 1.
        p: [N, V] probabilities.
        names: of the V labels.
    """
    return [
        {
            "place": examples.places[k],
            "text": shorten(" ".join(" | ".join(examples.items[k]).split()), _EXCERPT)
            if examples.texts
            else None,
            "label": names[truth[k].argmax()],
            "predicted": names[p[k].argmax()],
            "probability": float(p[k].max()),
        }
        for k in surest_mistakes(truth, p, _KEPT)
    ]


def classification_lines(results: Mapping[str, Any]) -> list[str]:
    """What ``SequenceClassifier.measure`` found."""
    part = "test" if "test" in results else "validation"
    if part not in results:
        return ["trained on all examples; no test part"]
    own, baselines = results[part], results.get("baselines", {})
    heads = {
        "accuracy": "accuracy",
        "macro_f1": "macro F1",
        "log_loss": "log loss",
        "calibration_error": "calibration error",
    }
    rows = {
        name: [f"{figures[key]:.4f}" for key in heads]
        for name, figures in {**baselines, "this model": own}.items()
    }
    lines = table_lines(f"on the {part} part ({own['examples']:,} examples)", list(heads.values()), rows)
    accuracies = {name: figures["accuracy"] for name, figures in baselines.items()}
    lines += behind_line(own["accuracy"], accuracies, "accuracy", higher_is_better=True)
    if len(baselines) == 1:
        lines.append("logistic regression beside it needs scikit-learn: pip install 'elman[text]'")
    if "vectors" in results:
        found = results["vectors"]
        lines.append(
            f"vectors for {found['words']:,} of {found['of']:,} words, {found['tokens']:.1%} of the tokens"
        )
    if "temperature" in results and "calibration_error_before" in results:
        temperature = results["temperature"]
        bound = ", a bound of what is tried" if is_bound(temperature) else ""
        lines.append(
            f"calibration error before the temperature ({temperature:.3f}, fitted on validation{bound}): "
            f"{results['calibration_error_before']:.4f}"
        )
    if "folds" in results:
        lines += ["", *_fold_lines(results["folds"])]
    if "labels" in results:
        lines += ["", *_label_lines(results["labels"])]
    if results.get("mistakes"):
        lines += ["", "the mistakes it was surest of:"]
        lines += [
            f"  {m['predicted']} {m['probability']:.1%}, but {m['label']}: {m['text'] or m['place']}"
            for m in results["mistakes"][:_MOST_MISTAKES]
        ]
    return lines


def _fold_lines(folds: Mapping[str, Any]) -> list[str]:
    accuracies = folds["this model"]["accuracy"]
    rows = {name: [f"{row['mean']:.4f}", f"{row['deviation']:.4f}"] for name, row in folds.items()}
    return [
        *table_lines(f"over {len(accuracies)} folds", ("mean accuracy", "deviation"), rows),
        f"accuracy of each fold: {'  '.join(f'{accuracy:.4f}' for accuracy in accuracies)}",
        "the run folder holds the model of the first",
    ]


def _label_lines(labels: Mapping[str, Any]) -> list[str]:
    rows = {
        shorten(name, _LONGEST_LABEL): [
            *(f"{figures[key]:.4f}" for key in ("precision", "recall", "f1")),
            f"{figures['examples']:,.0f}",
        ]
        for name, figures in list(labels.items())[:_MOST_LABELS]
    }
    lines = table_lines("label", ("precision", "recall", "F1    ", "examples"), rows)
    left_out = len(labels) - _MOST_LABELS
    return lines + ([f"… and {left_out} labels more"] if left_out > 0 else [])

"""Figures of a classifier as readable lines."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.config import counted
from elman.data.labelled.examples import Labelled
from elman.data.labelled.scheme import Scheme
from elman.metrics.calibration import is_bound
from elman.metrics.label_figures import surest_mistakes
from elman.tasks.classification.spotting import alarm_lines
from elman.tasks.shared.table import behind_line, behind_lines, shorten, table_lines
from elman.tasks.shared.wide import wide_line

_MOST_LABELS, _LONGEST_LABEL, _MOST_MISTAKES = 30, 30, 5
_LOST, _SUREST = 0.01, 0.9  # share of the right answers that a rejection may cost; its largest threshold
_KEPT, _EXCERPT = 10, 160  # mistakes in the results, and characters of each
_WIDE = {"ngrams": "n-grams", "rocket": "features"}  # what is called how
_FIGURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
}


def kept_mistakes(
    examples: Labelled, truth: np.ndarray, p: np.ndarray, names: Sequence[str]
) -> list[dict[str, Any]]:
    """Returns the model's surest mistakes, with place, beginning of the text, and labels.

    Args:
        examples: N examples with one label each.
        truth: [N, V] of 0 and 1.
        p: [N, V] probabilities.
        names: the names of the V labels.
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


def rejection(scheme: Scheme, part: Labelled, p: np.ndarray) -> dict[str, float]:
    """Returns the probability below which one of a hundred right answers lies, and what it would reject.

    It is at most 0.9: a network is surer of examples that have chosen its epoch than of others.

    Args:
        scheme: the labels.
        part: N examples.
        p: [N, V] probabilities.
    """
    right, surest = scheme.truth(part).argmax(1) == p.argmax(1), p.max(1)
    threshold = min(_SUREST, float(np.quantile(surest[right], _LOST))) if right.any() else 0.0
    shares = {"right": surest[right] < threshold, "wrong": surest[~right] < threshold}
    return {"threshold": threshold} | {k: float(v.mean()) if len(v) else 0.0 for k, v in shares.items()}


def report_lines(results: Mapping[str, Any]) -> list[str]:
    """Returns the figures of all methods, then folds, labels and mistakes if they were measured."""
    part = "test" if "test" in results else "validation"
    if part not in results:
        return ["trained on all examples; no test part"]
    lines = [
        *_method_lines(part, results[part], results.get("baselines", {}), results.get("alone", {})),
        *[wide_line(results[key], what) for key, what in _WIDE.items() if key in results],
        *_start_lines(results),
        *_calibration_lines(results),
    ]
    if "reject" in results:
        found = results["reject"]
        lines.append(
            f"classify --reject {found['threshold']:.2g} answers none of these to {found['right']:.1%} of "
            f"the right and {found['wrong']:.1%} of the wrong answers on the validation part"
        )
    if "alarms" in results:
        lines += ["", *alarm_lines(results["alarms"])]
    if "folds" in results:
        lines += ["", *_fold_lines(results["folds"])]
    if "labels" in results:
        lines += ["", *_label_lines(results["labels"])]
    if results.get("mistakes"):
        lines += ["", *_mistake_lines(results["mistakes"])]
    return lines


def _method_lines(
    part: str, own: Mapping[str, Any], baselines: Mapping[str, Any], alone: Mapping[str, Any]
) -> list[str]:
    """Returns a row for each simple method, for each part of the model alone, and for the model."""
    others, name = {**baselines, **alone}, "this model"
    if alone:
        beside = next(iter(alone)).removeprefix("the ").removesuffix(" alone")
        name += f" (network and {beside})"
    rows = {
        name: [f"{figures[key]:.4f}" for key in _FIGURES] for name, figures in {**others, name: own}.items()
    }
    title = f"on the {part} part ({own['examples']:,} examples)"
    accuracies = {name: figures["accuracy"] for name, figures in others.items()}
    lines = [
        *table_lines(title, list(_FIGURES.values()), rows),
        *behind_line(own["accuracy"], accuracies, "accuracy", higher_is_better=True),
    ]
    if len(baselines) == 1:
        lines.append("logistic regression as a second method needs scikit-learn: pip install 'elman[text]'")
    return lines


def _start_lines(results: Mapping[str, Any]) -> list[str]:
    lines = []
    if "vectors" in results:
        covered = results["vectors"]
        shares = f"{covered['words']:,} of {covered['of']:,} words, {covered['tokens']:.1%} of the tokens"
        lines.append(f"vectors for {shares}")
    if "unlabelled" in results:
        lines.append(f"words of {counted(results['unlabelled'], 'text')} without labels are known as well")
    if "pretraining" in results:
        found = results["pretraining"]
        facts = ["pre-trained as a language model"]
        if "epochs" in found:
            facts.append(f"{counted(found['epochs'], 'epoch')}, {found['seconds']:,.0f} s")
        if "perplexity" in found:
            facts.append(f"perplexity {found['perplexity']:,.1f} on the validation part")
        lines.append("; ".join(facts))
    return lines


def _calibration_lines(results: Mapping[str, Any]) -> list[str]:
    if not ("temperature" in results and "calibration_error_before" in results):
        return []
    temperature = results["temperature"]
    if temperature == 1:
        return ["the probabilities are not calibrated: no temperature helped on other examples of validation"]
    bound = ", at the bound of its range" if is_bound(temperature) else ""
    return [
        f"calibration error before the temperature ({temperature:.3f}, fitted on validation{bound}): "
        f"{results['calibration_error_before']:.4f}"
    ]


def _fold_lines(folds: Mapping[str, Any]) -> list[str]:
    accuracies = folds["this model"]["accuracy"]
    rows = {name: [f"{row['mean']:.4f}", f"{row['deviation']:.4f}"] for name, row in folds.items()}
    return [
        *table_lines(f"over {len(accuracies)} folds", ("mean accuracy", "deviation"), rows),
        *behind_lines(
            folds["this model"],
            {name: row for name, row in folds.items() if name != "this model"},
            {"mean": "mean accuracy"},
            higher_is_better=True,
        ),
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
    lines += [f"… and {left_out} more labels"] if left_out > 0 else []
    absent = sum(not figures["examples"] for figures in labels.values())
    if absent:
        lines.append(
            f"{counted(absent, 'label')} of {len(labels):,} without test examples; macro F1 is the mean of "
            "those with examples or predictions"
        )
    return lines


def _mistake_lines(mistakes: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = (
        f"  {m['predicted']} {m['probability']:.1%}, but {m['label']}: {m['text'] or m['place']}"
        for m in mistakes[:_MOST_MISTAKES]
    )
    return ["the mistakes it was surest of:", *lines]

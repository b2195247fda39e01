"""Properties of a task's labelled examples, learnt from the training part alone."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

from elman.config import counted, shown
from elman.data.labelled.examples import Label, Labelled, label_names
from elman.data.scale import LARGEST, SMALLEST, standard, standard_pixels
from elman.errors import InputError

_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_MOST_CLASSES, _MOST_NAMED = 10**5, 20
_LARGEST = 10**5  # pixels of a frame's side

Indicator = Literal["", "array", "sparse"]
"""The form of an indicator of labels [N, V]; "": labels come as lists."""


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """Kind of example, labels and scales.

    Attributes:
        classes: the V labels, as the user gave them.
        multi_label: whether an example has any number of labels, or exactly one.
        texts: number of texts per example; 0: numeric sequences.
        features: names of the numeric columns, or of a clip's planes.
        input_mean: mean of each feature.
        input_scale: standard deviation of each feature.
        label_weights: weight of each label's examples; with ``multi_label``, of the examples that have the
            label relative to those that do not. None: all equal.
        indicator: the form in which several labels were given, and are predicted.
        line_breaks: whether <br /> in a text is read as the end of a line; not in runs of earlier versions.
        planes: height and width of a clip's planes; empty for anything else.

    Raises:
        InputError: the attributes are inconsistent.
    """

    classes: tuple[Label, ...]
    multi_label: bool
    texts: int
    features: tuple[str, ...] = ()
    input_mean: tuple[float, ...] = ()
    input_scale: tuple[float, ...] = ()
    label_weights: tuple[float, ...] | None = None
    indicator: Indicator = ""
    line_breaks: bool = False
    planes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Checks the attributes, which may come from an untrusted file."""
        names, width = self.names, len(self.features)
        weights = self.label_weights
        rules = {
            "classes must be different labels": 1 <= len(names) <= _MOST_CLASSES
            and len(set(names)) == len(names),
            "texts must be 0, 1 or 2": self.texts in (0, 1, 2),
            "features must be named if texts is 0, and only then": (self.texts == 0) == (width > 0),
            "planes must be two positive sizes, and only of numbers": self.planes == ()
            or (len(self.planes) == 2 and width > 0 and all(1 <= n <= _LARGEST for n in self.planes)),
            f"input_mean must be {width} numbers": len(self.input_mean) == width
            and all(abs(value) <= LARGEST for value in self.input_mean),
            f"input_scale must be {width} positive numbers": len(self.input_scale) == width
            and all(SMALLEST <= value <= LARGEST for value in self.input_scale),
            f"label_weights must be {len(names)} numbers from 0 on": weights is None
            or (len(weights) == len(names) and all(0 <= value <= LARGEST for value in weights)),
        }
        for rule, holds in rules.items():
            if not holds:
                raise InputError(f"facts: {rule}")

    @classmethod
    def learn(
        cls,
        training: Labelled,
        originals: Mapping[str, Any],
        *,
        standardise: bool,
        balanced: bool,
        indicator: Indicator = "",
    ) -> Self:
        """Returns the scheme of a training part; its labels are in the order of ``numpy.unique``.

        Args:
            training: its examples.
            originals: labels as the user gave them, by their name (a text); of an indicator, all its columns
                in order.
            standardise: whether to bring features to mean 0 and variance 1.
            balanced: whether to weight examples so that all labels count the same.
            indicator: the form in which several labels were given.

        Raises:
            InputError: there is no example, or only one label.
        """
        names = [*originals] if indicator else label_names(training)
        classes = [originals.get(name, name) for name in names]
        if not indicator:
            # numbers and texts cannot be compared: numbers come first
            classes.sort(key=lambda label: (isinstance(label, str), label))
        width = len(training.features)
        mean, scale = [0.0] * width, [1.0] * width
        if standardise and width:
            measured = standard_pixels if training.planes else standard
            mean, scale = measured(np.concatenate(training.items))
        plain = cls(
            classes=tuple(classes),
            multi_label=training.multi_label,
            texts=training.texts,
            features=training.features,
            input_mean=tuple(mean),
            input_scale=tuple(scale),
            indicator=indicator,
            line_breaks=training.texts > 0,
            planes=training.planes,
        )
        if not balanced:
            return plain
        counts, total = plain.truth(training).sum(0).clip(1), len(training)
        weights = (total - counts) / counts if plain.multi_label else total / (len(names) * counts)
        return cls(**{**vars(plain), "label_weights": tuple(weights.tolist())})

    @property
    def names(self) -> list[str]:
        """The labels as text."""
        return [str(label) for label in self.classes]

    @property
    def names_by_value(self) -> dict[Label, str]:
        """The labels as text, by label; equal keys such as 1, 1.0 and true find the same text."""
        return dict(zip(self.classes, self.names, strict=True))

    def unknown(self, part: Labelled) -> list[str]:
        """Returns the labels of examples that the training part lacks."""
        return sorted({label for labels in part.labels for label in labels}.difference(self.names))

    def truth(self, part: Labelled, others: Sequence[str] = ()) -> np.ndarray:
        """Returns an indicator [N, V]: 1 if an example has a label, otherwise 0.

        Args:
            part: N examples.
            others: labels that the training part lacks, for further columns.
        """
        number = {name: k for k, name in enumerate([*self.names, *others])}
        truth = np.zeros((len(part), len(number)), np.int64)
        for row, labels in zip(truth, part.labels, strict=True):
            row[[number[label] for label in labels]] = 1
        return truth

    def plain(self, text: str) -> str:
        """Returns a text as it is read: with the line ends for which it has <br />, as web pages do."""
        return _LINE_BREAK.sub("\n", text) if self.line_breaks and "<" in text else text

    def as_read(self, part: Labelled) -> Labelled:
        """Returns examples with their texts as they are read."""
        if not (self.line_breaks and self.texts):
            return part
        return replace(part, items=[tuple(map(self.plain, item)) for item in part.items])

    def standardised(self, item: np.ndarray) -> np.ndarray:
        """Returns a sequence [T, I] or [T, C, H, W] in deviations from each feature's mean, float32."""
        # in float64, because float32 cannot resolve a small deviation from a large mean
        shape = (-1, *[1] * len(self.planes))
        mean, scale = (np.reshape(each, shape) for each in (self.input_mean, self.input_scale))
        return ((item.astype(np.float64) - mean) / scale).astype(np.float32)

    def check(self, part: Labelled, *, to_learn: bool = False) -> Labelled:
        """Returns the examples; raises InputError if they are of another kind.

        Single labels are accepted for a ``multi_label`` scheme.

        Args:
            part: the examples.
            to_learn: whether to refuse labels that the training part lacks, whose loss is infinite.
        """
        if not len(part):
            return part
        expected, kind = (_kind(one.texts, one.features, one.planes) for one in (self, part))
        if kind != expected:
            width, place = len(self.features), part.places[0]
            one = f" A sequence is [steps, {width}]; one sequence X is given as [X]." * (
                width > 1 and len(part.features) == 1 and place == "X[0]"
            )
            raise InputError(f"{place}: must be {expected}, like the training part. Got {kind}.{one}")
        if part.multi_label and not self.multi_label:
            raise InputError(
                f"{part.places[0]}: must have one label, like the training part. "
                f"Got a list of {len(part.labels[0])}."
            )
        names = self.names
        known = set(names)
        for labels, place in zip(part.labels, part.places, strict=True) if to_learn else ():
            for label in labels:
                if label not in known:
                    rest = ", …" if len(names) > _MOST_NAMED else ""
                    raise InputError(
                        f"{place}: label {shown(label)} is not in the training part; its labels "
                        f"are {', '.join(names[:_MOST_NAMED])}{rest}"
                    )
        return part


def _kind(texts: int, features: Sequence[str], planes: tuple[int, ...]) -> str:
    if planes:
        return f"clips of {' × '.join(map(str, planes))} pixels, {', '.join(features)}"
    numbers = f"sequences of {counted(len(features), 'feature')}"
    return {0: numbers, 1: "texts", 2: "pairs of texts"}[texts]

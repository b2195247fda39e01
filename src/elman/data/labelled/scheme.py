"""What the labelled examples of a task are, as learnt from its training part alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from elman.config import shown
from elman.data.labelled.examples import Label, Labelled, label_names
from elman.data.scale import LARGEST, SMALLEST, standard
from elman.errors import InputError

_MOST_CLASSES, _MOST_NAMED = 10**5, 20


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """Kind of example, labels and scales.

    Attributes:
        classes: the V labels, as the user gave them.
        multi_label: whether an example has any number of labels, or exactly one.
        texts: texts an example; 0: numeric sequences.
        features: names of the numeric columns.
        input_mean: of each feature.
        input_scale: of each feature.
        label_weights: how much more an example of each label counts, or, with several labels, one that has
            it; None: all count the same.

    Raises:
        InputError: attributes that do not fit together.
    """

    classes: tuple[Label, ...]
    multi_label: bool
    texts: int
    features: tuple[str, ...] = ()
    input_mean: tuple[float, ...] = ()
    input_scale: tuple[float, ...] = ()
    label_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Checks what may have come from anywhere."""
        names, width = self.names, len(self.features)
        weights = self.label_weights
        rules = {
            "classes must be different labels": 1 <= len(names) <= _MOST_CLASSES
            and len(set(names)) == len(names),
            "texts must be 0, 1 or 2": self.texts in (0, 1, 2),
            "features must be named where texts is 0, and only there": (self.texts == 0) == (width > 0),
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
    ) -> Self:
        """The scheme of a training part.

        Args:
            training: its examples.
            originals: labels as the user gave them, by the text they go by.
            standardise: whether features are to be brought to mean 0 and variance 1.
            balanced: whether each label is to count as much as any other.

        Raises:
            InputError: there is no example, or only one label.
        """
        names = label_names(training)
        width = len(training.features)
        mean, scale = [0.0] * width, [1.0] * width
        if standardise and width:
            mean, scale = standard(np.concatenate(training.items))
        plain = cls(
            classes=tuple(originals.get(name, name) for name in names),
            multi_label=training.multi_label,
            texts=training.texts,
            features=training.features,
            input_mean=tuple(mean),
            input_scale=tuple(scale),
        )
        if not balanced:
            return plain
        counts, total = plain.truth(training).sum(0), len(training)
        weights = (total - counts) / counts if plain.multi_label else total / (len(names) * counts)
        return cls(**{**vars(plain), "label_weights": tuple(weights.tolist())})

    @property
    def names(self) -> list[str]:
        """The labels as text."""
        return [str(label) for label in self.classes]

    @property
    def names_by_value(self) -> dict[Label, str]:
        """The labels as text by the label, or by any that equals it: 1, 1.0 and true are one."""
        return dict(zip(self.classes, self.names, strict=True))

    def truth(self, part: Labelled) -> np.ndarray:
        """1 where an example has a label, 0 elsewhere [N, V]."""
        number = {name: k for k, name in enumerate(self.names)}
        truth = np.zeros((len(part), len(number)), np.int64)
        for row, labels in zip(truth, part.labels, strict=True):
            row[[number[label] for label in labels]] = 1
        return truth

    def standardised(self, item: np.ndarray) -> np.ndarray:
        """A numeric sequence [T, I] in the unit of its features' deviation, float32."""
        # in float64, since float32 holds no deviation beside a large mean
        deviations = (item.astype(np.float64) - self.input_mean) / self.input_scale
        return deviations.astype(np.float32)

    def check(self, part: Labelled) -> Labelled:
        """The same examples; InputError where they are of another kind, or have labels that are not known.

        One label each is taken where there may be any number.
        """
        if not len(part):
            return part
        wanted, found = (_kind(one.texts, len(one.features)) for one in (self, part))
        if found != wanted:
            raise InputError(f"{part.places[0]}: must be {wanted}, as the training part. Got {found}.")
        if part.multi_label and not self.multi_label:
            raise InputError(
                f"{part.places[0]}: must have one label, as the training part. "
                f"Got a list of {len(part.labels[0])}."
            )
        names = self.names
        known = set(names)
        for labels, place in zip(part.labels, part.places, strict=True):
            for label in labels:
                if label not in known:
                    rest = ", …" if len(names) > _MOST_NAMED else ""
                    raise InputError(
                        f"{place}: label {shown(label)} does not occur in the training part, whose labels "
                        f"are {', '.join(names[:_MOST_NAMED])}{rest}"
                    )
        return part


def _kind(texts: int, features: int) -> str:
    return {0: f"sequences of {features} features", 1: "texts", 2: "pairs of texts"}[texts]

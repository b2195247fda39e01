"""The wide part of a classifier of texts: a linear layer over n-grams, whose logits join the network's.

    logits = a · network + b · Σ_kind x_kind W_kind + b · c

x_kind is the tf-idf of a text's n-grams of words or of characters. W is the weighted sum of a logistic
regression and a naive Bayes. What is chosen (strength of the regression, weights of the four, a and b) is
chosen on examples that the chosen did not learn; then all examples are learnt.

Source: Cheng et al. 2016, arXiv:1606.07792 (a wide part beside a deep one, there trained together); Wang &
Manning 2012, "Baselines and bigrams" (naive Bayes beside a regression).
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch

from elman.baselines.linear import Linear, logistic_regression, naive_bayes
from elman.baselines.text_features import LENGTHS, Kind, Ngrams
from elman.metrics.calibration import probabilities
from elman.metrics.label_figures import log_loss
from elman.metrics.pool import fit_pool
from elman.tasks.shared.arrays import reading_arrays, save_arrays

LARGEST, LARGEST_OF_CHARACTERS = 100_000_000, 5_000_000
"""Characters of the texts up to which "auto" takes n-grams at all, and those of characters."""
STRENGTHS = (1.0, 10.0)
"""Strengths C of the regression that are tried."""
_ENOUGH = 500  # validation examples that choose alone; of fewer, all examples do, in folds
_FOLDS = 3
_FEWEST = 10  # examples
_FEWEST_WITH = 2  # examples of many that have an n-gram: of one alone, no other can profit
_MOST_NGRAMS, _MOST_WEIGHTS = 500_000, 4_000_000  # of each kind
_EACH = 0.5  # weight of each linear model before anything is seen
_NETWORK, _WIDE = 0.5, 1.0  # likewise of the network and of all n-grams


class Texts(NamedTuple):
    """Examples that the wide part learns.

    Attributes:
        items: N items of one text, or two.
        truth: [N, V] of 0 and 1.
        strata: [N] labels of each as one text, to divide them.
        weights: [N] weight of each example.
        validation: [N] whether the network did not learn it.
        multi_label: whether an example has any number of labels.
    """

    items: Sequence[tuple[str, ...]]
    truth: np.ndarray
    strata: Sequence[str]
    weights: np.ndarray
    validation: np.ndarray
    multi_label: bool


class Part(NamedTuple):
    """N-grams of one kind, and their weights [F, V]."""

    ngrams: Ngrams
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Wide:
    """Linear layers over n-grams, and the weights of both parts of a classifier.

    Attributes:
        parts: by kind; at least one.
        bias: [V].
        shares: the factors a of the network's logits and b of the n-grams'.

    Raises:
        ValueError: the sizes do not fit each other, or a number is not finite.
    """

    parts: tuple[Part, ...]
    bias: np.ndarray
    shares: np.ndarray

    def __post_init__(self) -> None:
        sizes = all(part.weights.shape == (len(part.ngrams), len(self.bias)) for part in self.parts)
        if not self.parts or self.bias.ndim != 1 or self.shares.shape != (2,) or not sizes:
            raise ValueError("there must be weights for each n-gram and label, and two shares")
        arrays = (*(part.weights for part in self.parts), self.bias, self.shares)
        if not all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays):
            raise ValueError("the weights must be finite numbers of 32 bits")

    def __eq__(self, other: object) -> bool:
        """Whether both have the same n-grams and the same weights."""
        if not isinstance(other, Wide) or len(self.parts) != len(other.parts):
            return False
        ours, theirs = self._arrays(), other._arrays()
        return ours.keys() == theirs.keys() and all(np.array_equal(a, theirs[k]) for k, a in ours.items())

    __hash__ = None  # type: ignore[assignment]

    def logits(self, items: Sequence[tuple[str, ...]]) -> np.ndarray:
        """Returns the logits of the n-grams alone [N, V]."""
        return sum((layer.logits(ngrams.rows(items)).numpy() for ngrams, layer in self._layers), self.bias)

    def join(self, network: np.ndarray, ngrams: np.ndarray) -> np.ndarray:
        """Returns the logits of both parts [N, V] from those of each alone [N, V]."""
        return np.asarray(self.shares[0] * network + self.shares[1] * ngrams)

    def explained(
        self,
        item: tuple[str, ...],
        pieces: Sequence[Sequence[str]],
        network: Sequence[Sequence[float]],
        logits: np.ndarray,
        label: int,
        multi_label: bool,
    ) -> list[list[float]]:
        """Returns how much each piece of an item's texts supports a label, by network and n-grams together.

        An n-gram adds its value times its weight, as the log odds of the label change to first order. That is
        divided evenly among its occurrences, and there among its characters.

        Args:
            item: one text, or two.
            pieces: of each text.
            network: what each piece adds by the network alone.
            logits: [V] of the item by both parts.
            label: the class that is explained.
            multi_label: whether an example has any number of labels.

        Units:
            nats of log odds.
        """
        direction = np.zeros(len(logits))
        if not multi_label:
            others = np.arange(len(logits)) != label
            direction[others] = -probabilities(logits[None, others])[0]
        direction[label] = 1.0
        own = self._support(item, direction)
        explained = []
        for text, cut, by_network, by_character in zip(item, pieces, network, own, strict=True):
            sums = np.concatenate([[0.0], by_character.cumsum()])
            explained.append(
                [
                    float(self.shares[0]) * weight + float(sums[end] - sums[begin])
                    for weight, (begin, end) in zip(by_network, places(text, cut), strict=True)
                ]
            )
        return explained

    def _support(self, item: tuple[str, ...], direction: np.ndarray) -> list[np.ndarray]:
        """Returns what each character of an item's texts adds to a sum of logits with weights [V]."""
        added = [np.zeros(len(text.lower()) + 2) for text in item]  # and a space around each
        for part in self.parts:
            found = part.ngrams.occurrences(item)
            at, known = part.ngrams.find(found.keys)
            row = part.ngrams.rows([item])
            values = dict(zip(row.columns.tolist(), row.values.tolist(), strict=True))
            counts = Counter(at[known].tolist())
            for k in np.flatnonzero(known):
                column = int(at[k])
                share = values[column] * float(part.weights[column] @ direction) / counts[column]
                begin, end = found.begins[k] + 1, found.ends[k] + 1
                added[found.texts[k]][begin:end] += float(self.shares[1]) * share / (end - begin)
        return [each[1:-1] for each in added]

    @cached_property
    def _layers(self) -> list[tuple[Ngrams, Linear]]:
        none = torch.zeros(len(self.bias))
        return [(part.ngrams, Linear(torch.from_numpy(part.weights), none)) for part in self.parts]

    def save(self, path: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes a safetensors file, atomically."""
        save_arrays(path, self._arrays(), check)

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {"bias": self.bias, "shares": self.shares}
        for ngrams, weights in self.parts:
            own = {"keys": ngrams.keys, "idf": ngrams.idf, "weights": weights}
            arrays |= {f"{ngrams.kind}/{name}": array for name, array in own.items()}
        return arrays

    @classmethod
    def load(cls, path: Path, labels: int) -> Self:
        """Reads a file that ``save`` wrote; it need not be trusted.

        Args:
            path: the file.
            labels: V.

        Raises:
            InputError: the file is damaged, or was written for other labels.
        """
        with reading_arrays(path, "the n-grams of this run") as arrays:
            bias, shares = arrays.pop("bias"), arrays.pop("shares")
            parts = []
            for kind in LENGTHS:
                if f"{kind}/keys" in arrays:
                    keys, idf, weights = (arrays.pop(f"{kind}/{name}") for name in ("keys", "idf", "weights"))
                    parts.append(Part(Ngrams(kind, keys, idf), weights))
            if arrays or bias.shape != (labels,):
                raise ValueError(f"must hold weights for {labels} labels")
            return cls(tuple(parts), bias, shares)


def places(text: str, pieces: Sequence[str]) -> list[tuple[int, int]]:
    """Returns begin and end of each piece in a text; it ends where the next one begins.

    A piece that is not found, such as the unknown word, gets what lies between its neighbours.
    """
    text, end, begins = text.lower(), 0, []
    for piece in pieces:
        own = piece.strip().lower()
        edge = r"(?<!\w){}(?!\w)" if own.isalnum() else "{}"
        found = re.compile(edge.format(re.escape(own))).search(text, end) if own else None
        if found is None and own and text.startswith(own, end):  # part of a word
            begins.append(end)
            end += len(own)
        else:
            begins.append(end if found is None else found.start())
            end = end if found is None else found.end()
    is_last_found = bool(begins) and begins[-1] < end
    return list(pairwise([*begins, end if is_last_found else len(text)]))


def kinds_of(choice: str, characters: int) -> tuple[Kind, ...]:
    """Returns the kinds of n-grams that ``--ngrams`` chooses for texts of this many characters."""
    if choice == "auto":
        choice = "none" if characters > LARGEST else "words" if characters > LARGEST_OF_CHARACTERS else "both"
    return tuple(kind for kind in LENGTHS if choice in (kind, "both"))


def learn(
    kinds: Sequence[Kind], texts: Texts, network: np.ndarray
) -> tuple[Wide | None, np.ndarray, dict[str, Any]]:
    """Chooses and fits the wide part.

    Args:
        kinds: at least one.
        texts: training and validation part.
        network: [n, V] logits of the network for the validation part, in its order; n may be 0.

    Returns:
        The wide part, or None for too few examples; the joined logits of the validation part [n, V] by a wide
        part that did not learn it; and what was found: ``kinds``, ``ngrams`` (their number), ``strengths`` of
        the regressions, ``shares`` of network and n-grams, and log losses on the validation part.
    """
    if len(texts.items) < _FEWEST:
        return None, network, {}
    divisions = _divisions(texts)
    rows = np.flatnonzero(np.any(divisions, axis=0))
    held = {kind: _held_out(kind, texts, divisions) for kind in kinds}
    chosen = [(kind, method) for kind in kinds for method in held[kind]]
    experts = [held[kind][method][rows] for kind, method in chosen]
    weights = fit_pool(texts.truth[rows], experts, [_EACH] * len(experts), multi_label=texts.multi_label)
    wide = np.zeros((len(texts.items), texts.truth.shape[1]))
    wide[rows] = np.einsum("e,env->nv", weights, np.stack(experts))
    validation = np.flatnonzero(texts.validation)
    both = (network, wide[validation])
    shares = fit_pool(texts.truth[validation], both, (_NETWORK, _WIDE), multi_label=texts.multi_label)
    joined = shares[0] * network + shares[1] * wide[validation]
    model = _refitted(kinds, texts, dict(zip(chosen, weights, strict=True)), shares)
    losses = {
        f"{name}_log_loss": _loss(texts, validation, logits)
        for name, logits in (("network", network), ("ngrams", wide[validation]), ("joined", joined))
        if len(validation)
    }
    found = {
        "kinds": [*kinds],
        "ngrams": sum(len(part.ngrams) for part in model.parts),
        "strengths": {kind: max(held[kind]) for kind in kinds},
        "shares": shares.tolist(),
        **losses,
    }
    return model, joined, found


def _divisions(texts: Texts) -> list[np.ndarray]:
    """Returns which examples [N] are held out, once or in folds."""
    if texts.validation.sum() >= _ENOUGH:
        return [texts.validation]
    everyone = np.arange(len(texts.items))
    order = np.random.default_rng(0).permutation(everyone)
    order = order[np.argsort(np.asarray(texts.strata, dtype=object)[order], kind="stable")]
    fold = np.empty(len(order), np.int64)
    fold[order] = everyone % _FOLDS
    return [fold == k for k in range(_FOLDS)]


def _held_out(kind: Kind, texts: Texts, divisions: Sequence[np.ndarray]) -> dict[float, np.ndarray]:
    """Returns logits [N, V] of each linear model for examples that it did not learn, by strength.

    Of the strengths only the best is left, as the first division finds it; 0 is naive Bayes.
    """
    everyone, methods = np.arange(len(texts.items)), [*STRENGTHS, 0.0]
    found: dict[float, np.ndarray] = {}
    for is_held in divisions:
        learnt, held = everyone[~is_held], everyone[is_held]
        ngrams = _ngrams(kind, texts, learnt)
        x = ngrams.rows([texts.items[k] for k in held])
        logits = {c: model.logits(x).numpy() for c, model in _linear(ngrams, texts, learnt, methods).items()}
        if not found:
            best = min(STRENGTHS, key=lambda c: _loss(texts, held, logits[c]))
            methods = [best, 0.0]
            found = {c: np.zeros(texts.truth.shape, np.float32) for c in methods}
        for c, all_logits in found.items():
            all_logits[held] = logits[c]
    return found


def _ngrams(kind: Kind, texts: Texts, rows: np.ndarray) -> Ngrams:
    most = min(_MOST_NGRAMS, _MOST_WEIGHTS // texts.truth.shape[1])
    fewest = _FEWEST_WITH if len(rows) >= _ENOUGH else 1
    return Ngrams.learn(kind, [texts.items[k] for k in rows], most, fewest)


def _linear(ngrams: Ngrams, texts: Texts, rows: np.ndarray, methods: Sequence[float]) -> dict[float, Linear]:
    """Fits linear models on some examples, by strength; 0 is naive Bayes."""
    x, truth = ngrams.rows([texts.items[k] for k in rows]), torch.from_numpy(texts.truth[rows])
    options = {"multi_label": texts.multi_label, "weights": torch.from_numpy(texts.weights[rows])}
    return {
        c: logistic_regression(x, truth, c, **options) if c else naive_bayes(x, truth, **options)  # type: ignore[arg-type]
        for c in methods
    }


def _refitted(
    kinds: Sequence[Kind], texts: Texts, weights: dict[tuple[Kind, float], float], shares: np.ndarray
) -> Wide:
    """Returns the wide part that has learnt all examples."""
    everyone, parts = np.arange(len(texts.items)), []
    bias = np.zeros(texts.truth.shape[1], np.float32)
    for kind in kinds:
        ngrams, own = _ngrams(kind, texts, everyone), {c: w for (k, c), w in weights.items() if k == kind}
        models = _linear(ngrams, texts, everyone, [*own])
        kept = np.zeros((len(ngrams), len(bias)), np.float32)
        for c, weight in own.items():
            kept += np.float32(weight) * models[c].weights.numpy()
            bias += np.float32(weight) * models[c].bias.numpy()
        parts.append(Part(ngrams, kept))
    return Wide(tuple(parts), bias, shares.astype(np.float32))


def _loss(texts: Texts, rows: np.ndarray, logits: np.ndarray) -> float:
    """Returns the log loss of some examples from their logits."""
    p = probabilities(logits, multi_label=texts.multi_label)
    return log_loss(texts.truth[rows], p, multi_label=texts.multi_label)

"""The wide part of a classifier: linear layers over features of texts or numbers, learnt after the network.

For texts, the features are the tf-idf of n-grams of words and of characters, and the weights of each are the
weighted sum of a logistic regression and a naive Bayes. For numeric sequences they are MiniRocket's, with a
ridge regression, and summaries of each column, with a logistic regression. What is chosen (strengths of the
regressions, weights of all models, shares of network and features) is chosen on examples that the chosen did
not learn; then all examples are learnt.

Source: Cheng et al. 2016, arXiv:1606.07792 (a wide part beside a deep one, there trained together); Wang &
Manning 2012, "Baselines and bigrams" (naive Bayes beside a regression).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from elman.baselines.linear import Linear, logistic_regression, naive_bayes
from elman.baselines.minirocket import MiniRocket, features_for
from elman.baselines.ridge import ridge
from elman.baselines.summaries import Summaries
from elman.baselines.text_features import LENGTHS, Ngrams
from elman.metrics.calibration import probabilities
from elman.metrics.label_figures import log_loss
from elman.metrics.pool import fit_pool
from elman.tasks.shared.wide import Features, Part, Wide, trust

LARGEST, LARGEST_OF_CHARACTERS = 100_000_000, 5_000_000
"""Characters of the texts up to which "auto" takes n-grams at all, and those of characters."""
STRENGTHS = (1.0, 10.0)
"""Strengths C of the regression that are tried."""
OF_NUMBERS = (MiniRocket.kind, Summaries.kind)
"""The kinds of features of numeric sequences."""
_ENOUGH = 500  # validation examples that choose alone; of fewer, all examples do, in folds
_FOLDS = 3
_FEWEST = 10  # examples
_FEWEST_WITH = 2  # examples of many that have an n-gram: of one alone, no other can profit
_MOST_NGRAMS, _MOST_WEIGHTS = 500_000, 4_000_000  # of each kind
_EACH = 0.5  # weight of each classifier's logits before anything is seen
_OF_SCORES = 2.0  # likewise of the ridge regression's scores, which are not logits but from −1 to 1
_NETWORK, _WIDE = 0.5, 1.0  # likewise of the network and of all features
# deviation of the logarithms of these two, for numbers: all examples have weighted the features already
_SPREAD_OF_NUMBERS = (0.5, 0.1)


class Examples(NamedTuple):
    """Examples that the wide part learns.

    Attributes:
        items: N items of one text, or two; or N standardised sequences [T, I].
        truth: [N, V] of 0 and 1.
        strata: [N] labels of each as one text, to divide them.
        weights: [N] weight of each example.
        validation: [N] whether the network did not learn it.
        multi_label: whether an example has any number of labels.
    """

    items: Sequence[Any]
    truth: np.ndarray
    strata: Sequence[str]
    weights: np.ndarray
    validation: np.ndarray
    multi_label: bool


def kinds_of(choice: str, characters: int) -> tuple[str, ...]:
    """Returns the kinds of n-grams that ``--ngrams`` chooses for texts of this many characters."""
    if choice == "auto":
        choice = "none" if characters > LARGEST else "words" if characters > LARGEST_OF_CHARACTERS else "both"
    return tuple(kind for kind in LENGTHS if choice in (kind, "both"))


def learn(
    kinds: Sequence[str], examples: Examples, network: np.ndarray
) -> tuple[Wide | None, np.ndarray, dict[str, Any]]:
    """Chooses and fits the wide part.

    Args:
        kinds: at least one.
        examples: training and validation part.
        network: [n, V] logits of the network for the validation part, in its order; n may be 0.

    Returns:
        The wide part, or None for too few examples; the joined logits of the validation part [n, V] by a wide
        part that did not learn it; and what was found: ``kinds``, ``features`` (their number), ``strengths``
        of the regressions, ``shares`` of network and features, and log losses on the validation part.
    """
    if len(examples.items) < _FEWEST:
        return None, network, {}
    divisions = _divisions(examples)
    rows = np.flatnonzero(np.any(divisions, axis=0))
    models = [_models(kind, examples, divisions) for kind in kinds]
    experts = [(own, method) for own in models for method in own.held]
    held = [own.held[method][rows] for own, method in experts]
    prior = [own.prior for own, _ in experts]
    weights = fit_pool(examples.truth[rows], held, prior, multi_label=examples.multi_label)
    wide = np.zeros((len(examples.items), examples.truth.shape[1]))
    wide[rows] = np.einsum("e,env->nv", weights, np.stack(held))
    validation = np.flatnonzero(examples.validation)
    both = (network, wide[validation])
    shares = shares_of(examples.truth[validation], both, kinds, multi_label=examples.multi_label)
    joined = shares[0] * network + shares[1] * wide[validation]
    parts, biases = zip(
        *(
            own.refitted({m: w for (one, m), w in zip(experts, weights, strict=True) if one is own})
            for own in models
        ),
        strict=True,
    )
    model = Wide(parts, np.stack(biases).sum(0), shares.astype(np.float32))
    losses = {
        f"{name}_log_loss": _loss(examples, validation, logits)
        for name, logits in (("network", network), ("features", wide[validation]), ("joined", joined))
        if len(validation)
    }
    found = {
        "kinds": [*kinds],
        "features": model.size,
        "strengths": {own.kind: max(own.held) for own in models},
        "shares": shares.tolist(),
        **losses,
    }
    return model, joined, found


def shares_of(
    truth: np.ndarray, both: Sequence[np.ndarray], kinds: Sequence[str], *, multi_label: bool
) -> np.ndarray:
    """Returns the shares [2] of network and features from their logits for the validation part."""
    if not set(kinds) <= set(OF_NUMBERS):
        return fit_pool(truth, both, (_NETWORK, _WIDE), multi_label=multi_label)
    prior = (_NETWORK * trust(len(truth)), _WIDE)
    return fit_pool(truth, both, prior, multi_label=multi_label, spread=_SPREAD_OF_NUMBERS)


class Models(ABC):
    """Linear models over features of one kind.

    Attributes:
        kind: of the features.
        held: logits [N, V] of each model for examples that it did not learn, by strength.
        prior: weight of each model before anything is seen.
    """

    kind: str
    held: dict[float, np.ndarray]
    prior: float

    @abstractmethod
    def refitted(self, weights: Mapping[float, float]) -> tuple[Part, np.ndarray]:
        """Returns features and bias [V] of the weighted sum of the models that have learnt all examples."""


def _models(kind: str, examples: Examples, divisions: Sequence[np.ndarray]) -> Models:
    if kind == MiniRocket.kind:
        return Scores(examples)
    if kind == Summaries.kind:
        return Classifiers(kind, lambda items: Summaries.learn(items), STRENGTHS, examples, divisions)
    most = min(_MOST_NGRAMS, _MOST_WEIGHTS // examples.truth.shape[1])

    def ngrams(items: Sequence[Any]) -> Ngrams:
        return Ngrams.learn(kind, items, most, _FEWEST_WITH if len(items) >= _ENOUGH else 1)  # type: ignore[arg-type]

    return Classifiers(kind, ngrams, (*STRENGTHS, _NAIVE_BAYES), examples, divisions)


_NAIVE_BAYES = 0.0
"""The strength that stands for naive Bayes, which has none."""


class Classifiers(Models):
    """Logistic regressions, and naive Bayes if it is wanted; see ``Models``.

    Of the strengths only the best is left, as the first division finds it.

    Args:
        kind: of the features.
        features: learns the features from items.
        strengths: that are tried, of which ``_NAIVE_BAYES`` is kept.
        examples: all.
        divisions: which examples [N] are held out each time.
    """

    prior = _EACH

    def __init__(
        self,
        kind: str,
        features: Callable[[Sequence[Any]], Features],
        strengths: Sequence[float],
        examples: Examples,
        divisions: Sequence[np.ndarray],
    ) -> None:
        self.kind, self._features, self._examples = kind, features, examples
        everyone, methods = np.arange(len(examples.items)), [*strengths]
        self.held = {}
        for is_held in divisions:
            held = everyone[is_held]
            learnt, models = self._fitted(everyone[~is_held], methods)
            x = learnt.rows([examples.items[k] for k in held])
            logits = {c: model.logits(x).numpy() for c, model in models.items()}
            if not self.held:
                regressions = [c for c in methods if c != _NAIVE_BAYES]
                best = min(regressions, key=lambda c: _loss(examples, held, logits[c]))
                methods = [best, *(c for c in methods if c == _NAIVE_BAYES)]
                self.held = {c: np.zeros(examples.truth.shape, np.float32) for c in methods}
            for c, all_logits in self.held.items():
                all_logits[held] = logits[c]

    def refitted(self, weights: Mapping[float, float]) -> tuple[Part, np.ndarray]:
        """As ``Models`` has it."""
        features, models = self._fitted(np.arange(len(self._examples.items)), [*weights])
        classes = self._examples.truth.shape[1]
        kept, bias = np.zeros((len(features), classes), np.float32), np.zeros(classes, np.float32)
        for c, weight in weights.items():
            kept += np.float32(weight) * models[c].weights.numpy()
            bias += np.float32(weight) * models[c].bias.numpy()
        return Part(features, kept), bias

    def _fitted(self, rows: np.ndarray, strengths: Sequence[float]) -> tuple[Features, dict[float, Linear]]:
        """Fits features and models on some examples."""
        all_of = self._examples
        items = [all_of.items[k] for k in rows]
        features = self._features(items)
        x, truth = features.rows(items), torch.from_numpy(all_of.truth[rows])
        weights = torch.from_numpy(all_of.weights[rows])

        def fitted(strength: float) -> Linear:
            fit = naive_bayes if strength == _NAIVE_BAYES else partial(logistic_regression, strength=strength)
            return fit(x, truth, multi_label=all_of.multi_label, weights=weights)

        return features, {strength: fitted(strength) for strength in strengths}


class Scores(Models):
    """A ridge regression of −1 and 1 for each label on MiniRocket's features; see ``Models``.

    It has learnt all examples, and yet what it says of each without having learnt it.
    """

    kind, prior = MiniRocket.kind, _OF_SCORES

    def __init__(self, examples: Examples) -> None:
        self._features = MiniRocket.learn(examples.items, features_for(examples.items))
        fit = ridge(self._features.rows(examples.items), 2.0 * examples.truth - 1, examples.weights)
        self._linear = fit.linear
        self.held = {fit.penalty: fit.left_out}

    def refitted(self, weights: Mapping[float, float]) -> tuple[Part, np.ndarray]:
        """As ``Models`` has it."""
        (weight,) = map(np.float32, weights.values())
        linear = self._linear
        return Part(self._features, weight * linear.weights.numpy()), weight * linear.bias.numpy()


def _divisions(examples: Examples) -> list[np.ndarray]:
    """Returns which examples [N] are held out, once or in folds."""
    if examples.validation.sum() >= _ENOUGH:
        return [examples.validation]
    everyone = np.arange(len(examples.items))
    order = np.random.default_rng(0).permutation(everyone)
    order = order[np.argsort(np.asarray(examples.strata, dtype=object)[order], kind="stable")]
    fold = np.empty(len(order), np.int64)
    fold[order] = everyone % _FOLDS
    return [fold == k for k in range(_FOLDS)]


def _loss(examples: Examples, rows: np.ndarray, logits: np.ndarray) -> float:
    """Returns the log loss of some examples from their logits."""
    p = probabilities(logits, multi_label=examples.multi_label)
    return log_loss(examples.truth[rows], p, multi_label=examples.multi_label)

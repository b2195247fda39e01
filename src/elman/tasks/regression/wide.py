"""The wide part of a regressor: ridge regressions on MiniRocket's features and on summaries of each column.

Their predictions for examples that they did not learn decide what each counts, and with those of the network,
what network and wide part count.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.baselines.minirocket import MiniRocket, features_for
from elman.baselines.ridge import ridge
from elman.baselines.summaries import Summaries
from elman.metrics.pool import fit_sum
from elman.tasks.shared.wide import Part, Wide

_FEWEST = 10  # examples
_EACH = 0.5  # weight of each regression, and of network and wide part, before anything is seen
_SPREAD = 0.3  # of the logarithms of these two then: a mean errs less than what few examples choose


class Known(NamedTuple):
    """Examples that the wide part learns.

    Attributes:
        items: N scaled sequences [T, I].
        targets: [N, O] scaled.
        weights: [N] weight of each example.
        validation: [N] whether the network did not learn it.
    """

    items: Sequence[np.ndarray]
    targets: np.ndarray
    weights: np.ndarray
    validation: np.ndarray


def learn(known: Known, network: np.ndarray) -> tuple[Wide | None, dict[str, Any]]:
    """Chooses and fits the wide part.

    Args:
        known: training and validation part.
        network: [n, O] predictions of the network for the validation part; n may be 0.

    Returns:
        The wide part, or None for too few examples or too many steps; and what was found: ``kinds``,
        ``features`` (their number), ``penalties``, ``shares`` of network and features, and the mean squared
        errors of each alone and of both on the validation part, in units of the scaled targets.
    """
    most = features_for(known.items)
    if len(known.items) < _FEWEST or not most:
        return None, {}
    rocket, summaries = MiniRocket.learn(known.items, most), Summaries.learn(known.items)
    kinds: list[MiniRocket | Summaries] = [rocket, summaries]
    fits = [ridge(each.rows(known.items), known.targets, known.weights) for each in kinds]
    held = [fit.left_out for fit in fits]
    weights = fit_sum(known.targets, held, [_EACH] * len(held)).astype(np.float32)
    wide = np.einsum("e,eno->no", weights, np.stack(held))[known.validation]
    truth = known.targets[known.validation]
    shares = fit_sum(truth, (network, wide), (_EACH, _EACH), spread=_SPREAD).astype(np.float32)
    parts = tuple(
        Part(features, weight * fit.linear.weights.numpy())
        for features, fit, weight in zip(kinds, fits, weights, strict=True)
    )
    bias = sum(weight * fit.linear.bias.numpy() for fit, weight in zip(fits, weights, strict=True))
    model = Wide(parts, np.asarray(bias, np.float32), shares)
    joined = model.join(network, wide)
    errors = {
        f"{name}_squared_error": float(np.square(truth - predictions).mean())
        for name, predictions in (("network", network), ("features", wide), ("joined", joined))
        if len(truth)
    }
    found = {
        "kinds": [each.kind for each in kinds],
        "features": model.size,
        "penalties": {each.kind: fit.penalty for each, fit in zip(kinds, fits, strict=True)},
        "shares": shares.tolist(),
        **errors,
    }
    return model, found

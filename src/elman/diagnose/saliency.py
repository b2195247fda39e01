"""Saliency: how much each token of a text supports a classifier's label."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from elman.batch import Field, to_device
from elman.data.batches.ragged import pad
from elman.models.classifier import Classifier
from elman.models.classifier_ensemble import ClassifierEnsemble


def saliency(
    model: Classifier | ClassifierEnsemble, texts: Sequence[np.ndarray], label: int
) -> list[list[float]]:
    """Computes how much each token supports a label, by gradient × input.

    The weight of an embedded token x_t is the derivative of the label's log-odds with respect to x_t, times
    x_t: to first order, the loss in log-odds if the token's embedding were 0. Of an ensemble, the mean.

    Args:
        model: reads tokens; in evaluation mode.
        texts: the tokens [T] of one text, or of the two texts of a pair.
        label: the class whose log-odds are explained.

    Returns:
        The weight of each token of each text.

    Units:
        nats of log-odds.

    Source: Denil, Demiraj & de Freitas 2014, arXiv:1412.6815.
    """
    field = to_device(pad(texts), model.temperature.device)
    weights = torch.stack([_by_one(member, field, label) for member in model.each]).mean(0).cpu()
    return [weights[: len(tokens), row].tolist() for row, tokens in enumerate(texts)]


def _by_one(model: Classifier, field: Field, label: int) -> Tensor:
    """Returns the weight of each token [T, B] by one classifier."""
    with torch.enable_grad():
        x = model.embed(field.values).detach().requires_grad_()
        (logits,) = model.head.logits(model.features_of(replace(field, values=x)))
        odds = logits[label]
        if model.is_exclusive:
            odds = odds - torch.cat([logits[:label], logits[label + 1 :]]).logsumexp(0)
        (gradient,) = torch.autograd.grad(odds, x)
    return (gradient * x.detach()).sum(-1)

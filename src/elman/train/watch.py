"""Measures during training how far back the gradient reaches."""

import math
from typing import Any

from torch import nn

from elman.batch import Batch
from elman.diagnose.gradient_flow import GradientFlow, gradient_flow
from elman.diagnose.reading import layer_names
from elman.diagnose.remedies import remedies
from elman.errors import InputError
from elman.layers.recurrent import Recurrent
from elman.state import State
from elman.train.history import History, looks_back
from elman.train.options import TrainingOptions
from elman.train.progress import Progress

_KEPT = tuple(digit * 10**power for power in range(7) for digit in (1, 2, 5))  # lags, in addition to 0
_VERBS = {"vanishing": "vanishes", "exploding": "explodes"}


class Watch:
    """Measures the gradient of one loss per row back through a batch, and warns once about each problem.

    A measurement does not change the run: weights, gradients, random state and carried state stay the same.
    It uses the network without dropout, in float32.

    Args:
        model: in training.
        options: ``watch_gradients``, the steps between two measurements; 0: never.
        history: the run's history so far; a problem that it already contains is not reported again.
        progress: prints the warnings.

    Attributes:
        facts: the last measurement's result, for the progress line.
    """

    def __init__(
        self, model: nn.Module, options: TrainingOptions, history: History, progress: Progress
    ) -> None:
        self._model, self._options, self._say = model, options, progress.say
        self._every = options.watch_gradients
        lines = [line for line in history.lines if line["kind"] == "gradients"]
        self._said = {(layer["layer"], layer["verdict"]) for line in lines for layer in line["layers"]}
        self.facts = _facts(lines[-1]) if lines else {}
        self._was_blind = False
        if self._every and not layer_names(model):
            self._say("--watch-gradients: the model has no recurrent layer, so nothing is measured")
            self._every = 0

    def look(self, step: int, batch: Batch, state: State | None) -> dict[str, Any] | None:
        """Returns the history's line if a measurement is due, otherwise None.

        Args:
            step: optimizer steps taken so far.
            batch: the next training batch.
            state: the state carried into the batch.
        """
        if not self._every or step % self._every:
            return None
        try:
            flow = gradient_flow(self._model, (batch, state), lags=None, positions=1)
        except InputError as error:  # sequences too short, or weights not finite, at which the loop will stop
            if not self._was_blind:
                self._say(f"--watch-gradients: no measurement at step {step}: {error}")
            self._was_blind = True
            return None
        line = profile(flow)
        self._warn(step, line["layers"], len(flow.lags))
        self.facts = _facts(line)
        return line

    def _warn(self, step: int, layers: list[dict[str, Any]], steps: int) -> None:
        """Prints one line for each problem, with the layers not yet reported."""
        for verdict, verb in _VERBS.items():
            hit = [layer for layer in layers if layer["verdict"] == verdict]
            new = [layer for layer in hit if (layer["layer"], verdict) not in self._said]
            if new:
                self._said |= {(layer["layer"], verdict) for layer in new}
                names = ", ".join(layer["layer"] for layer in new)
                warning = f"step {step}: the gradient {verb} in {names}: {_size(verdict, new)}"
                self._say("; try ".join([warning, *self._advice(verdict, new, steps)]))

    def _advice(self, verdict: str, layers: list[dict[str, Any]], steps: int) -> list[str]:
        """Returns the options to try as one string in a list; empty if there are none."""
        (cell, *_) = (module.cell for module in self._model.modules() if isinstance(module, Recurrent))
        half_life = min(layer["half_life"] or math.inf for layer in layers)
        advice = remedies(self._options, cell, verdict, half_life=half_life, lags=steps)
        return [", or ".join(remedy.flags for remedy in advice)] if advice else []


def _size(verdict: str, layers: list[dict[str, Any]]) -> str:
    """Describes the worst layer's decay or growth."""
    if verdict == "vanishing":
        return f"it halves every {min(layer['half_life'] for layer in layers):.2g} steps"
    factors = [layer["decay"] for layer in layers]
    size = "beyond float32" if None in factors else f"{max(factors):.3g}-fold a step back"
    return f"it grows {size}"


def profile(flow: GradientFlow) -> dict[str, Any]:
    """Returns the part of a measurement that the history stores.

    Returns:
        ``lags``, and for each of ``layers`` its name (``layer``), ``decay`` per step, ``half_life`` in steps,
        ``verdict``, and the median norm at each lag (``norms``); None for infinity and NaN.
    """
    kept = [k for k, lag in enumerate(flow.lags) if lag == 0 or lag in _KEPT]
    return {
        "lags": [int(flow.lags[k]) for k in kept],
        "layers": [
            {
                "layer": name,
                "decay": _number(flow.decay[i, -1]),
                "half_life": _number(flow.half_life[i, -1]),
                "verdict": str(flow.verdicts[i]),
                "norms": [_number(norm) for norm in flow.median[i, -1, kept]],
            }
            for i, name in enumerate(flow.layers)
        ],
    }


def _facts(line: dict[str, Any]) -> dict[str, str]:
    half_life = looks_back(line)
    if half_life is None:
        return {}
    return {"looks back": "without end" if half_life == math.inf else f"{half_life:.3g} steps"}


def _number(value: float) -> float | None:
    """Rounds to four significant digits; None for infinity and NaN, which JSON lacks."""
    return float(f"{value:.3e}") if math.isfinite(value) else None

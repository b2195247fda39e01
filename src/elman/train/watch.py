"""How far back the gradient reaches, looked at while a run goes on."""

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

_KEPT = tuple(digit * 10**power for power in range(7) for digit in (1, 2, 5))  # lags, beside 0
_VERBS = {"vanishing": "vanishes", "exploding": "explodes"}


class Watch:
    """Follows the gradient of one loss of each row back through a batch, and says once what is wrong.

    A look leaves a run as it was: weights, gradients, random state and carried state. It sees the network
    without dropout, in float32.

    Args:
        model: in training.
        options: ``watch_gradients``, the steps between two looks; 0: none.
        history: of the run so far; what it tells was said already is not said again.
        progress: where it is said.

    Attributes:
        facts: what the last look found, for the progress line.
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
            self._say("--watch-gradients: the model has no recurrent layer, so nothing is watched")
            self._every = 0

    def look(self, step: int, batch: Batch, state: State | None) -> dict[str, Any] | None:
        """The line for the history where a look is due, else None.

        Args:
            step: optimizer steps taken so far.
            batch: that is trained next.
            state: carried into it.
        """
        if not self._every or step % self._every:
            return None
        try:
            flow = gradient_flow(self._model, (batch, state), lags=None, positions=1)
        except InputError as error:  # sequences are too short, or weights gone that the loop will stop at
            if not self._was_blind:
                self._say(f"--watch-gradients: nothing to see at step {step}: {error}")
            self._was_blind = True
            return None
        line = profile(flow)
        self._warn(step, line["layers"], len(flow.lags))
        self.facts = _facts(line)
        return line

    def _warn(self, step: int, layers: list[dict[str, Any]], steps: int) -> None:
        """One line for what is wrong with layers of which it was not said before."""
        for verdict, verb in _VERBS.items():
            hit = [layer for layer in layers if layer["verdict"] == verdict]
            new = [layer for layer in hit if (layer["layer"], verdict) not in self._said]
            if new:
                self._said |= {(layer["layer"], verdict) for layer in new}
                names = ", ".join(layer["layer"] for layer in new)
                found = f"step {step}: the gradient {verb} in {names}: {_size(verdict, new)}"
                self._say("; try ".join([found, *self._advice(verdict, new, steps)]))

    def _advice(self, verdict: str, layers: list[dict[str, Any]], steps: int) -> list[str]:
        """Options to try, if there are any, in one piece."""
        (cell, *_) = (module.cell for module in self._model.modules() if isinstance(module, Recurrent))
        half_life = min(layer["half_life"] or math.inf for layer in layers)
        found = remedies(self._options, cell, verdict, half_life=half_life, lags=steps)
        return [", or ".join(remedy.flags for remedy in found)] if found else []


def _size(verdict: str, layers: list[dict[str, Any]]) -> str:
    """The figure of the worst layer."""
    if verdict == "vanishing":
        return f"half of it is left {min(layer['half_life'] for layer in layers):.2g} steps back"
    factors = [layer["decay"] for layer in layers]
    size = "beyond float32" if None in factors else f"{max(factors):.3g}-fold a step back"
    return f"it grows {size}"


def profile(flow: GradientFlow) -> dict[str, Any]:
    """What the history keeps of a gradient's way back.

    Returns:
        ``lags``, and for each of ``layers`` its name (``layer``), ``decay`` a step, ``half_life`` in steps,
        ``verdict``, and at each of the lags the median norm (``norms``); None where there is no such number.
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
    found = looks_back(line)
    if found is None:
        return {}
    return {"looks back": "without end" if found == math.inf else f"{found:.3g} steps"}


def _number(value: float) -> float | None:
    """To four digits; None for what JSON has no number for."""
    return float(f"{value:.3e}") if math.isfinite(value) else None

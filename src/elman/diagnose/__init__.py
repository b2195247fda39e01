"""Numbers about what happens inside a network."""

from elman.diagnose.gradient_flow import RULE, GradientFlow, Verdict, gradient_flow, verdict
from elman.diagnose.hidden import HiddenStates, hidden_states
from elman.diagnose.reading import layer_names

__all__ = [
    "RULE",
    "GradientFlow",
    "HiddenStates",
    "Verdict",
    "gradient_flow",
    "hidden_states",
    "layer_names",
    "verdict",
]

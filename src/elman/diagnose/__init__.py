"""Measurements of the inside of a network."""

from elman.diagnose.gates import GateStatistics, gate_statistics
from elman.diagnose.gradient_flow import RULE, GradientFlow, Verdict, gradient_flow, verdict
from elman.diagnose.hidden import HiddenStates, hidden_states
from elman.diagnose.jacobian import Spectrum, jacobian_spectrum
from elman.diagnose.reading import layer_names
from elman.diagnose.remedies import Remedy, remedies

__all__ = [
    "RULE",
    "GateStatistics",
    "GradientFlow",
    "HiddenStates",
    "Remedy",
    "Spectrum",
    "Verdict",
    "gate_statistics",
    "gradient_flow",
    "hidden_states",
    "jacobian_spectrum",
    "layer_names",
    "remedies",
    "verdict",
]

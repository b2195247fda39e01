"""Pictures of the inside of a trained network, and the report page that collects them."""

from elman.inspect.findings import Findings, look
from elman.inspect.gates import plot_gates, plot_time_constants
from elman.inspect.gradient import plot_gradient_flow
from elman.inspect.hidden import plot_hidden, plot_inputs
from elman.inspect.report import report
from elman.inspect.spectrum import plot_spectrum
from elman.inspect.text import text_properties
from elman.inspect.trackers import Tracker, rank_trackers
from elman.inspect.training import plot_gradient_norm, plot_half_lives, plot_updates

__all__ = [
    "Findings",
    "Tracker",
    "look",
    "plot_gates",
    "plot_gradient_flow",
    "plot_gradient_norm",
    "plot_half_lives",
    "plot_hidden",
    "plot_inputs",
    "plot_spectrum",
    "plot_time_constants",
    "plot_updates",
    "rank_trackers",
    "report",
    "text_properties",
]

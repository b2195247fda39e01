"""A fitted task as a notebook shows it: what it is, its curve and its numbers."""

import base64
import html
import io
from typing import Any

from elman.pictures.base import new_figure
from elman.pictures.curve import plot_curve
from elman.train.loop import Reading


def as_html(title: str, history: list[dict[str, Any]], reading: Reading, report: str) -> str:
    """One block of HTML that needs no network.

    Args:
        title: what the task is, in one line.
        history: the lines of the training.
        reading: how its losses are shown.
        report: the results as lines for people.
    """
    shown = [f"<b>{html.escape(title)}</b>"]
    if history:
        shown.append(f'<br><img alt="loss over training" width="560" src="{_curve(history, reading)}">')
    return "\n".join([*shown, f"<pre>{html.escape(report)}</pre>"])


def _curve(history: list[dict[str, Any]], reading: Reading) -> str:
    """The loss curve as the address of a picture that holds its own data."""
    figure = new_figure()
    plot_curve(figure.subplots(), history, reading.name, reading)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"

"""HTML of a fitted task for notebooks: title, loss curve and results."""

import base64
import html
import io
from typing import Any

from elman.pictures.base import new_figure
from elman.pictures.curve import plot_curve
from elman.train.loop import LossUnit


def as_html(title: str, history: list[dict[str, Any]], loss_unit: LossUnit, report: str) -> str:
    """Returns one block of HTML that needs no network.

    Args:
        title: describes the task in one line.
        history: the lines of the training's history.
        loss_unit: how losses are shown.
        report: the results as readable lines.
    """
    shown = [f"<b>{html.escape(title)}</b>"]
    if history:
        shown.append(f'<br><img alt="loss over training" width="560" src="{_curve(history, loss_unit)}">')
    return "\n".join([*shown, f"<pre>{html.escape(report)}</pre>"])


def _curve(history: list[dict[str, Any]], loss_unit: LossUnit) -> str:
    """Returns the loss curve as a picture in a data URL."""
    figure = new_figure()
    plot_curve(figure.subplots(), history, loss_unit.name, loss_unit)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"

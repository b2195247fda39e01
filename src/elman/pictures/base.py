"""What every picture shares: a figure without a window, the colours, and the file it goes to."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.config import require
from elman.errors import InputError
from elman.train.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")
"""Endings of the files that pictures go to."""

# told apart with any colour vision, and in grey, by their lightness (after Okabe & Ito 2008)
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7f7f7f"
PALE = "#9ab8d8"
_COLOURS, _STYLES = (BLUE, ORANGE, GREEN, PURPLE), ("-", "--", "-.", ":")
_LEGEND_SIZE = 8  # points


def new_figure(width: float = 7, height: float = 4) -> "Figure":
    """A figure that no window shows, width × height inches at 150 dots an inch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def line_style(number: int) -> dict[str, Any]:
    """Colour and dashes of a line; the first sixteen are all unlike."""
    dashes = _STYLES[number // len(_COLOURS) % len(_STYLES)]
    return {"color": _COLOURS[number % len(_COLOURS)], "linestyle": dashes}


def legend_above(axes: "Axes", handles: "Sequence[Artist] | None" = None) -> None:
    """What the lines are, above the axes, where it covers none of them, in as many columns as have room.

    Args:
        axes: with lines that have labels.
        handles: the lines, where they are not those of the axes.
    """
    shown = axes.get_legend_handles_labels()[0] if handles is None else list(handles)
    if not shown:
        return
    longest = max(len(str(each.get_label())) for each in shown) + 9  # and the piece of line beside it
    room = 72 * axes.bbox.width / axes.figure.dpi / (0.55 * _LEGEND_SIZE)  # in letters
    columns = max(1, min(len(shown), int(room / longest)))
    legend = axes.legend(
        handles=shown,
        frameon=False,
        fontsize=_LEGEND_SIZE,
        ncols=columns,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def logarithmic(axes: "Axes") -> None:
    """A logarithmic vertical axis, its ticks plain numbers, between powers of ten too where it spans few."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""  # which says where a label is to be

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(Plain())
    axes.yaxis.set_minor_formatter(Plain(minor_thresholds=(2, 0.5)))


def check_picture(path: Path | None, option: str = "--plot") -> None:
    """Raises InputError unless the option names a file of such an ending in a folder; None is no picture."""
    if path is not None:
        require(option, path.suffix in PICTURES, f"a file ending in {', '.join(PICTURES)}", str(path))
        require(option, path.parent.is_dir(), "a file in a folder that exists", str(path))


def save_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure whole or not at all, as its ending says (.png, .svg, .pdf)."""
    kind: Any = path.suffix.removeprefix(".")
    try:
        write_atomically(path, lambda temporary: figure.savefig(temporary, format=kind))
    except OSError as error:  # which names the temporary file
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None

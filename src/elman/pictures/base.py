"""Helpers of all pictures: figures without a window, colours, axes and files."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.config import require
from elman.errors import InputError
from elman.notice import without_warnings
from elman.pictures.lettering import letter
from elman.train.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")
"""Suffixes of picture files."""

# distinguishable with any colour vision, and in grey by lightness (after Okabe & Ito 2008)
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7f7f7f"
PALE = "#9ab8d8"
_COLOURS, _STYLES = (BLUE, ORANGE, GREEN, PURPLE), ("-", "--", "-.", ":")
_LEGEND_SIZE = 8  # points
_MOST_NUMBERS = 6  # intervals between the numbers of an axis that counts


def can_draw() -> bool:
    """Whether matplotlib is installed; what is drawn unasked is left out without it."""
    return find_spec("matplotlib") is not None


def new_figure(width: float = 7, height: float = 4) -> "Figure":
    """Makes a figure without a window, width × height inches at 150 dots per inch."""
    # here, and below: matplotlib takes a fifth of a second to import, and only commands that draw need it
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def line_style(number: int) -> dict[str, Any]:
    """Returns colour and dashes of a line; neighbours differ in both, the first sixteen are all different."""
    dashes = _STYLES[(number + number // len(_COLOURS)) % len(_STYLES)]
    return {"color": _COLOURS[number % len(_COLOURS)], "linestyle": dashes}


def legend_above(axes: "Axes", handles: "Sequence[Artist] | None" = None) -> None:
    """Places a legend above the axes, where it covers no line, in as many columns as fit.

    Args:
        axes: axes with labelled lines.
        handles: the lines, if they are not those of the axes.
    """
    shown = axes.get_legend_handles_labels()[0] if handles is None else list(handles)
    if not shown:
        return
    longest = max(len(str(line.get_label())) for line in shown) + 9  # 9: the sample of the line
    room = 72 * axes.bbox.width / axes.figure.dpi / (0.55 * _LEGEND_SIZE)  # in letters
    columns = max(1, min(len(shown), int(room / longest)))
    axes.legend(
        handles=shown,
        frameon=False,
        fontsize=_LEGEND_SIZE,
        ncols=columns,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
    )


def whole_numbers(axis: "Axis") -> None:
    """Labels an axis that counts something, such as steps or units, at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=_MOST_NUMBERS, steps=(1, 2, 5, 10), integer=True))


def logarithmic(axes: "Axes") -> None:
    """Makes the vertical axis logarithmic with plain numbers, also between powers of ten if it spans few."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            # the base class decides which ticks have labels
            return f"{x:g}" if super().__call__(x, pos) else ""

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(Plain())
    axes.yaxis.set_minor_formatter(Plain(minor_thresholds=(2, 0.5)))


def check_picture(path: Path | None, option: str = "--plot") -> None:
    """Raises InputError unless the path has a picture's suffix and an existing folder; None: no picture."""
    if path is not None:
        require(option, path.suffix in PICTURES, f"a file ending in {', '.join(PICTURES)}", str(path))
        require(option, path.parent.is_dir(), "a file in a folder that exists", str(path))


def save_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure atomically, in the format of the path's suffix (.png, .svg, .pdf)."""
    kind: Any = path.suffix.removeprefix(".")
    letter(figure)
    try:
        with without_warnings("Glyph .* missing from"):  # one line has told of them
            write_atomically(path, lambda temporary: figure.savefig(temporary, format=kind))
    except OSError as error:  # the error itself names the temporary file
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None

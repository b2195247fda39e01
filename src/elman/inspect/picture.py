"""A picture of the report: its figure, caption and numbers."""

import csv
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from elman.pictures.lettering import letter

_FORMATS = ("png", "svg")


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        name: name of its files, without suffix.
        caption: the text under it.
        figure: the drawn figure.
        table: its numbers, as columns of equal length.
    """

    name: str
    caption: str
    figure: Figure
    table: dict[str, Any]

    def write(self, folder: Path) -> str:
        """Writes NAME.png, NAME.svg and NAME.csv; returns the SVG."""
        # text stays text, and equal pictures give equal files
        options: Any = {"svg.fonttype": "none", "svg.hashsalt": self.name}
        letter(self.figure)
        with warnings.catch_warnings(), matplotlib.rc_context(options):
            warnings.filterwarnings("ignore", "Glyph .* missing from")  # one line has told of them
            self.figure.draw_without_rendering()
            self.figure.set_layout_engine("none")  # the layout is done; skip it for each format
            for kind in _FORMATS:
                about: Any = {"Date": None} if kind == "svg" else None
                self.figure.savefig(folder / f"{self.name}.{kind}", metadata=about)
        (folder / f"{self.name}.csv").write_text(table_csv(self.table), "utf-8")
        return (folder / f"{self.name}.svg").read_text("utf-8")


def table_csv(table: dict[str, Any]) -> str:
    """Formats columns as CSV; numbers in full precision, None and NaN as empty cells."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table)
    columns = [np.asarray(column).tolist() for column in table.values()]
    writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))
    return out.getvalue()


def _cell(value: object) -> object:
    return "" if value is None or value != value else value  # NaN is not itself

"""What the sections of the report share: their figures, and the pictures as HTML."""

import re
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from elman.inspect import page
from elman.inspect.picture import Picture
from elman.pictures import base

_WIDTH = 5.4  # inches of a picture: its letters are to be read on a phone


def figures(pictures: Iterator[Picture], folder: Path) -> list[str]:
    """Pictures as HTML; their files are written on the way."""
    return [page.figure(each.name, each.write(folder), each.caption) for each in pictures]


def new_figure(height: float = 3.2) -> Figure:
    """An empty figure as wide as the page."""
    return base.new_figure(_WIDTH, height)


def slug(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")

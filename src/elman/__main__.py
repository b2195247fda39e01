"""``python -m elman`` is the command ``elman``."""

import elman.cli.__main__  # noqa: F401 - runs it

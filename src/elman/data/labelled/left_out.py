"""Rows that cannot be learnt from: left out while they are few."""

import math
import warnings
from collections.abc import Sequence

from elman.config import counted
from elman.errors import InputError

_MOST = 0.5  # share of rows with faults up to which it makes sense to leave them out


def left_out(faults: Sequence[str | None], most: float) -> list[int]:
    """Returns the positions of the rows without a fault; warns in one line of those left out.

    Args:
        faults: one line about a row that cannot be used, or None.
        most: largest share of rows that may be left out.

    Raises:
        InputError: more have a fault, or all; the message is that of the first.
    """
    bad = [fault for fault in faults if fault is not None]
    if bad and (len(bad) > most * len(faults) or len(bad) == len(faults)):
        share = math.ceil(100 * len(bad) / len(faults)) / 100
        way = f"; --most-empty {share:g} leaves them out" * (share <= _MOST)
        raise InputError(f"{bad[0]} ({len(bad):,} of {counted(len(faults), 'row')}{way})")
    if bad:
        warnings.warn(f"{bad[0]} ({len(bad):,} of {len(faults):,} such rows are left out)", stacklevel=3)
    return [k for k, fault in enumerate(faults) if fault is None]

"""Checks a cell of your own: every promise of a cell, each with what was measured.

python examples/check_own_cell.py
"""

from own_cell import MinimalGatedUnit

from elman.testing import cell_checks, check_cell

check_cell(MinimalGatedUnit)  # an AssertionError names each promise that is broken
print(f"MinimalGatedUnit keeps {len(cell_checks())} promises")

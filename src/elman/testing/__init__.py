"""Checks that a cell, a head or a task keeps its promises: Elman's own, or yours."""

from elman.testing.cells import CELL_CHECKS, cell_checks, check_cell, registered_cells

__all__ = ["CELL_CHECKS", "cell_checks", "check_cell", "registered_cells"]

"""The registered cells by what they read."""

from elman import registry
from elman.cells import Cell

CELLS = {name: registry.find("cells", name, Cell) for name in registry.names("cells")}
OF_FEATURES = {name: cell for name, cell in CELLS.items() if not cell.plane_axes}
"""Those that read features alone; tests of planes draw other inputs."""
OF_PLANES = {name: cell for name, cell in CELLS.items() if cell.plane_axes}

"""The grid of a confusion matrix: names that stay in sight, cells for mouse, finger and keys."""

from core.ui.confusion.grid.payload import GridCells, pack_grid
from core.ui.confusion.grid.showing import show_grid

__all__ = ["GridCells", "pack_grid", "show_grid"]

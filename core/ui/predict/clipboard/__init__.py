"""Pasting photos: what the clipboard holds goes the way of a file that was chosen."""

from core.ui.predict.clipboard.showing import show_clipboard

__all__ = ["show_clipboard"]

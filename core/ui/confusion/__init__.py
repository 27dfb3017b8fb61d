"""The page Confusion: the matrix, and the photos behind each cell.

Imported by `pages` alone.
"""

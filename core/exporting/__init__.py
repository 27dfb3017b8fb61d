"""Models as zips for other programs, and runs as notebooks.

May be imported by `core.ui` and `core.cli`.
"""

"""Model versions: registered files, champion and challenger, and their history.

May be imported by `core.monitoring`, `core.serving`, `core.ui` and `core.cli`.
"""

"""The page Overview: the state of the workspace and the next step.

Imported by `pages` alone.
"""

"""Comparisons of runs and of model versions.

May be imported by the rooms of pages.
"""

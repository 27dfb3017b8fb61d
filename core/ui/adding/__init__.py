"""Adding a dataset: choosing a source, the running import, its report.

May be imported by the rooms of pages.
"""

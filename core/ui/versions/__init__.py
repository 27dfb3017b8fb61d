"""The versions of a dataset, a view of the page Dataset.

May be imported by the rooms of pages.
"""

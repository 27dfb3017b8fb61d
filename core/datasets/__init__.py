"""Datasets over time: importing jobs, versions, edits, tags, policies, quality, queries.

May be imported by `core.exact` and the rooms above.
"""

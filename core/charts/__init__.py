"""Charts that two or more rooms draw, in one theme.

Pure: data in, chart out. May be imported by `core.reporting` and `core.ui`.
"""

"""Metrics, intervals, tests, slices and calibration: NumPy in, numbers and tables out.

Pure: reads no files. May be imported by every room above.
"""

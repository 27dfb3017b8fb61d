"""The page Calibration: the quality of the scores, and the rule for answering.

Imported by `pages` alone.
"""

"""The page Calibration: the quality of the scores, and the rule when to answer."""

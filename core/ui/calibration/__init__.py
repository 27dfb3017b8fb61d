"""The page Calibration: how far scores can be believed, and the rule that is kept."""

"""The page Metrics: how good a run is, with what certainty."""

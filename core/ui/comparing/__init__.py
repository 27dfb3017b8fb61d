"""Comparisons of runs and of model versions, for the pages that show them."""

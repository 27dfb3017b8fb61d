"""The page Quality: leaks, outliers and suspect labels of a dataset."""

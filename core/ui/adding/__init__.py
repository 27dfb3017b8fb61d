"""Adding a dataset: the ways to bring photos, the import that is going, its report."""

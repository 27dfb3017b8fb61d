"""The versions of a dataset, a view of the page Dataset."""

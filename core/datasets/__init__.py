"""Datasets as people keep them: imported, versioned, edited, selected from, analysed."""

"""The page Confusion: the matrix, and the photos behind each of its cells."""

"""The page Models: versions, which of them answers, and their export."""

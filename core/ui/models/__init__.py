"""The page Models: versions, champion and challenger, and their export."""

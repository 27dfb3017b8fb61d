"""The page Training: begin a run and watch it."""

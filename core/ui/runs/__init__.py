"""The page Runs: the table of runs, compared and tidied."""

"""The page Mistakes: photos that went wrong, one after another."""

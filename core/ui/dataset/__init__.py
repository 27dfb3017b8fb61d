"""The page Dataset: what is in it, how it came in, its versions."""

"""The page Review: what people said of answers, and retraining from it."""

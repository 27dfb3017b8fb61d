"""The page Predict: one photo or many, answered."""

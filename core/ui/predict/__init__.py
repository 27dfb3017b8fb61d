"""The page Predict: answers for one photo or many.

Imported by `pages` alone.
"""

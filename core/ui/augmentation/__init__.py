"""The page Augmentation: preview what a policy does to photos before training.

Imported by `pages` alone.
"""

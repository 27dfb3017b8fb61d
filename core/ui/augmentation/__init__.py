"""The page Augmentation: what a policy does to photos, before anything is trained."""

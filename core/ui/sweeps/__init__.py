"""The page Sweeps: studies over recipes."""

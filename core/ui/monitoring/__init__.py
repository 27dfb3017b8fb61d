"""The page Monitoring: models in use, alarms, review and retraining.

Imported by `pages` alone.
"""

"""The page Monitoring: what serves, watched in use."""

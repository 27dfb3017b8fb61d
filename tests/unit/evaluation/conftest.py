"""Hypothesis for tests that must give the same answer on a busy machine and on every other."""

from hypothesis import settings

settings.register_profile("same everywhere", deadline=None, derandomize=True, database=None)
settings.load_profile("same everywhere")

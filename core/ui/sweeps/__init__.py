"""Sweeps: trials over settings, and the settings that matter.

Imported by `pages` alone.
"""

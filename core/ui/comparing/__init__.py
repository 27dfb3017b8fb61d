"""Runs compared, and what a comparison proves: for each page that shows it."""

"""Runs: what to train (`recipe`), when (`queue`), how (`training`), and their stored results.

May be imported by every room above. Never imports Keras; that is in `models`.
"""

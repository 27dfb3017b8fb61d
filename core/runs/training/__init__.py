"""Training: a worker trains a run, reports its events and stores its results.

May be imported by the worker, `core.cli` and jobs; never by a page while it draws.
"""

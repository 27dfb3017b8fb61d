"""Doing it: a worker trains a run, tells of it and keeps what comes out."""

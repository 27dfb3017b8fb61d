"""Tests of every floor. Each of their processes computes in one thread: many work side by side."""

import os

for _library in ("OMP", "OPENBLAS", "MKL"):  # before anything imports NumPy
    os.environ[f"{_library}_NUM_THREADS"] = "1"

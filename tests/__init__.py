"""Tests of every floor. Hundreds of processes, several at a time: each computes in one thread, and
Python files are compiled once for all of them.
"""

import os
import sys

for _library in ("OMP", "OPENBLAS", "MKL"):  # before anything imports NumPy
    os.environ[f"{_library}_NUM_THREADS"] = "1"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

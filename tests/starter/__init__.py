"""Weights of our own: ResNet-50 trained on seeded drawings alone, without a single photo."""

import sys

from models import prefer_convolutions

if sys.argv[0] == "-m":  # it trains: three times as fast so; tests of it change nothing
    prefer_convolutions()

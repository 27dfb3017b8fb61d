"""Weights of our own: ResNet-50 trained on seeded drawings alone, without a single photo."""

from models import prefer_convolutions

prefer_convolutions()  # before Keras comes in: training takes three times as long without them

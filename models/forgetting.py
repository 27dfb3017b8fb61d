"""Gives back what Keras keeps of networks that nobody uses any more (keras)."""

import gc

import keras


def forget_networks() -> None:
    """Returns nothing; the memory of networks that were dropped is free.

    Keras and TensorFlow keep the graphs of each network that was fitted, about 10 MB for a head:
    nothing in a worker that trains one, a gigabyte in a sweep of a hundred.
    """
    keras.utils.clear_session()
    gc.collect()

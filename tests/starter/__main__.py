"""`python -m tests.starter --folder F --minutes 120`: draw the pool, train, write the weights.

The same command goes on where the last one stopped. F/starter.safetensors has bytes for kernels and
is what the program ships; F/weights.h5, in float32, is used by PETALSCOPE_WEIGHTS.
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np

from models.catalogue import RANDOM
from models.head import read_array
from models.keras_backbone import build_resnet
from models.resnet import load_weights
from models.stages import write_weights
from models.weights import Weights
from tests.starter.drawings import draw
from tests.starter.packing import pack_kernels, write_safetensors
from tests.starter.training import (
    NUMBERS,
    SIDE,
    SPECIES,
    Learner,
    Piece,
    Views,
    calibrate,
    look,
    open_pool,
    train_piece,
)

_PHOTO_SIDE = 224
_KEPT_EVERY = 250
"""Steps between checkpoints: what a kill costs, at most."""
_CHECK = 8, 24
"""Batches and drawings in each that BatchNorm is calibrated with."""


def main() -> None:
    """Draw what is missing, train a piece, and write what came out."""
    options = _read_options()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    shape = (options.numbers, options.species, SIDE)
    pool = open_pool(folder / "pool.npy", options.seed, shape)
    views = Views(pool=pool, seed=options.seed, side=options.side, drawings=options.drawings)
    network = build_resnet(_RANDOM, options.policy, options.side)
    learner = Learner(network=network, species=options.species, side=options.side)
    checkpoint = folder / "checkpoint.npz"
    start = learner.read(checkpoint) if checkpoint.is_file() else 0
    begun = time.monotonic()

    def report(step: int, losses: dict[str, float]) -> None:
        if step % _KEPT_EVERY == 0 and step > start:
            learner.write(checkpoint, step + 1)
        if step % 20 == 0:
            rate = 2 * options.drawings * (step - start + 1) / (time.monotonic() - begun)
            told = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
            print(f"step {step}: {told}; {rate:.0f} views/s", flush=True)

    piece = Piece(
        steps=options.steps, rate=options.rate, seconds=60 * options.minutes, report=report
    )
    done = train_piece(learner, views, piece, start)
    learner.write(checkpoint, done)
    _finish(network, _draw_large(options.seed, options.species), folder)
    print(f"{done} of {options.steps} steps; {folder}")


_RANDOM = Weights(name=RANDOM, file=None, digest="", origin="", official=False)


def _finish(network: keras.Model, drawings: list[np.ndarray], folder: Path) -> None:
    """Write the network for whole photos in float32, and packed; print how alike they look."""
    wide = build_resnet(_RANDOM, "float32", _PHOTO_SIDE)
    wide.set_weights(network.get_weights())
    calibrate(wide, drawings)
    write_weights(wide, folder / "weights.h5")
    packed = folder / "starter.safetensors"
    arrays = {f"{layer.name}/{one.name}": one for layer in wide.layers for one in layer.weights}
    write_safetensors(packed, pack_kernels({name: read_array(one) for name, one in arrays.items()}))
    before = look(wide, drawings[0])
    load_weights(wide, packed)
    alike = keras.losses.cosine_similarity(before, look(wide, drawings[0]))
    print(f"features before and after packing: cosine at least {-float(np.max(alike)):.5f}")


def _draw_large(seed: int, species: int) -> list[np.ndarray]:
    batches, drawings = _CHECK
    numbers = np.random.default_rng((seed, 2)).integers(0, species, (batches, drawings))
    return [np.stack([draw(seed, int(one), 0, _PHOTO_SIDE) for one in row]) for row in numbers]


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.starter", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="pool, checkpoint and weights")
    parser.add_argument("--minutes", type=float, default=10, help="of this piece of the training")
    parser.add_argument("--steps", type=int, default=8_000, help="of the whole training")
    parser.add_argument("--seed", type=int, default=7, help="of drawings and views")
    parser.add_argument("--side", type=int, default=64, help="of views, in pixels")
    parser.add_argument("--drawings", type=int, default=32, help="a step, each in two views")
    parser.add_argument("--species", type=int, default=SPECIES)
    parser.add_argument("--numbers", type=int, default=NUMBERS, help="drawings of each species")
    parser.add_argument("--rate", type=float, default=1e-3, help="the highest learning rate")
    parser.add_argument(
        "--policy", default="float32", help="mixed_bfloat16 where the processor has it"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""What a GPU finishes of draws is what the CPU does, and what the preview shows."""

from dataclasses import replace

import numpy as np
import pytest

from core.runs.training import strategies
from core.runs.training.views import open_draws
from core.workspace import Workspace
from data.augmentation import begin_draw
from data.manifest import list_datasets, read_dataset
from data.policy import PRESETS, AugmentationPolicy, Part
from models.augmenting import finish_draws
from models.devices import find_device
from models.extraction import Photos
from tests.backends import compare_draws

EXACT = {"rotation": (-90, -90), "vertical_flip": (1, 1), "cutout": (0.1, 0.8)}
"""No place between two pixels, no colour between two levels."""
ROUNDED = {"random_crop": (0.3, 0.9), "contrast": (0.3, 2), "hue": (-180, 180)}
NOISY = replace(PRESETS["gentle"], noise=Part(low=9, high=9, probability=1))


@pytest.mark.slow
def test_draws_are_those_of_the_cpu() -> None:
    parts = {
        name: AugmentationPolicy(**{name: Part(low=low, high=high, probability=1)})
        for name, (low, high) in (EXACT | ROUNDED).items()
    }
    presets = {name: PRESETS[name] for name in ("gentle", "strong")}
    apart = compare_draws(parts | presets | {"noisy": NOISY})
    for name, (most, share) in apart.items():
        if name in EXACT or name == "noisy":
            assert most == 0
        else:  # colours stretch the one level that geometry may be beside
            assert most <= (3 if name == "strong" else 1)
            assert share < 1e-3


def test_blur_and_noise_are_done_whole_on_the_cpu() -> None:
    photo = np.full((224, 224, 3), 90, np.uint8)
    done, left = begin_draw(photo, NOISY, seed=0, photo_id="a", draw=0)
    assert done.std() > 8
    assert left[:15].tolist() == [1, 0, 0, 0, 1, 0, *np.eye(3).ravel()]


@pytest.mark.slow
def test_where_a_gpu_computes_it_finishes_the_draws(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[0].id)
    cpu = find_device()
    gpu = replace(cpu, kind="gpu")
    plain, policy = AugmentationPolicy(), PRESETS["gentle"]
    assert open_draws(dataset, policy, 0, cpu).finish is None
    assert open_draws(dataset, plain, 0, gpu).finish is None
    assert open_draws(dataset, policy, 0, gpu).finish is finish_draws
    few, read = np.arange(3), []
    for device in (cpu, gpu):
        monkeypatch.setattr(strategies, "find_device", lambda found=device: found)
        photos = Photos(dataset.photos_file, few)
        read.append(strategies.PhotoSource(dataset, photos, policy, seed=0).read(few[::-1], 2))
    ours, theirs = read
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert (ours != dataset.photos[few[::-1]]).any()

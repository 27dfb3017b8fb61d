"""Photos as a fit of stages reads them: augmented anew in each epoch, in whatever process."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from core.runs.training.views import open_draws
from data.dataset import Dataset
from data.policy import AugmentationPolicy
from models.devices import find_device
from models.extraction import Photos


class PhotoSource:
    """The photos of these numbers; draw e - 1 of the policy in epoch e, in whatever process."""

    def __init__(
        self, dataset: Dataset, photos: Photos, policy: AugmentationPolicy, *, seed: int
    ) -> None:
        self._photos = np.arange(len(dataset)) if photos.numbers is None else photos.numbers
        self.labels = dataset.labels[self._photos]
        self._draws = open_draws(dataset, policy, seed)
        self._packed: np.ndarray = np.load(photos.file, mmap_mode="r", allow_pickle=False)
        self._places = self._photos
        """Where each is in that file."""
        self._threads = ThreadPoolExecutor(max(1, photos.threads), thread_name_prefix="augmenter")

    def read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return photos (b, 224, 224, 3) uint8 of these rows, as they are in an epoch (from 1)."""
        photos = (np.asarray(self._packed[place]) for place in self._places[rows].tolist())
        numbers = self._photos[rows].tolist()
        return self._draws.draw(photos, numbers, epoch - 1, self._threads.map)

    def __getstate__(self) -> dict[str, Any]:
        """Take the photos along, for another machine, and no threads."""
        packed, places = np.asarray(self._packed[self._places]), np.arange(len(self._places))
        return {**vars(self), "_packed": packed, "_places": places, "_threads": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = {**state, "_threads": ThreadPoolExecutor(find_device().cores)}

"""Photos of a dataset, augmented anew in every epoch: what is read while all stages are trained."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from data.augmentation import augment
from data.dataset import Dataset
from data.policy import AugmentationPolicy


class PhotoSource:
    """The photos of these numbers; draw e - 1 of the policy in epoch e, in whatever process."""

    def __init__(
        self,
        dataset: Dataset,
        photos: np.ndarray,
        policy: AugmentationPolicy,
        *,
        seed: int,
        threads: int,
    ) -> None:
        self.labels = dataset.labels[photos]
        self._photos, self._policy, self._seed = photos, policy, seed
        self._digests = dataset.manifest["sha256"].tolist()
        self._packed: np.ndarray = np.load(dataset.photos_file, mmap_mode="r", allow_pickle=False)
        self._threads = ThreadPoolExecutor(max(1, threads), thread_name_prefix="augmenter")

    def read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Returns photos (b, 224, 224, 3) uint8 of these rows, as they are in an epoch (from 1)."""
        draws = self._threads.map(lambda row: self._draw(int(row), epoch), rows)
        return np.stack(list(draws))

    def _draw(self, row: int, epoch: int) -> np.ndarray:
        number = int(self._photos[row])
        return augment(
            np.asarray(self._packed[number]),
            self._policy,
            seed=self._seed,
            photo_id=self._digests[number],
            draw=epoch - 1,
        )

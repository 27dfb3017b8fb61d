"""What a run looked at: Grad-CAM of any photo of its dataset and any class, from the last map."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.prediction.gradcam import measure_evidence, scale_evidence
from core.prediction.maps import MapReader, open_map_reader
from core.runs.result import RunResult, read_result, read_run_head
from core.runs.run_photos import check_order
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from models.dense import DenseHead


@dataclass(frozen=True, kw_only=True, eq=False)
class Explainer:
    """The dataset, the answers, the head and the maps of one run."""

    dataset: Dataset
    result: RunResult
    head: DenseHead
    maps: MapReader

    def measure(self, photo: int, classes: Sequence[int], *, keep: bool = True) -> np.ndarray:
        """Returns what each place of a photo adds to the logit of each class, times 49.

        (c, 7, 7) float32, below 0 where it speaks against the class. With a linear head its mean
        is the logit but for a constant; with hidden layers it is how the logit begins to change.

        Args:
            photo: Number of a photo of the dataset.
            classes: (c,) class numbers.
            keep: Whether a map that is computed now is kept.
        """
        last_map = self.maps.read(self.dataset, [photo], keep=keep)[0]
        pooled = last_map.mean(axis=(0, 1))
        numbers = np.asarray(classes, dtype=np.int64)
        features = np.broadcast_to(pooled, (len(numbers), len(pooled)))
        return measure_evidence(last_map, self.head.logit_gradient(features, numbers))

    def explain(
        self,
        photo: int,
        classes: Sequence[int],
        *,
        common_scale: bool = False,
        keep: bool = True,
    ) -> np.ndarray:
        """Returns what spoke for each class, (c, 7, 7) float32 in [0, 1]; see `scale_evidence`."""
        return scale_evidence(self.measure(photo, classes, keep=keep), common=common_scale)


def open_explainer(workspace: Workspace, run_id: str) -> Explainer:
    """Returns the explainer of a finished run.

    Raises:
        RunUnfinished: The run has no result (yet).
        ResultDamaged: Its result was altered, or its photos are not those of its dataset.
        DatasetMissing: Its dataset was deleted.
        BackboneMissing: Its backbone is not in the workspace, or was altered.
    """
    result = read_result(workspace, run_id)
    dataset = read_dataset(workspace, result.dataset_id)
    check_order(result, dataset)
    return Explainer(
        dataset=dataset,
        result=result,
        head=read_run_head(workspace, run_id),
        maps=open_map_reader(workspace, run_id, result),
    )

"""What a version's new photos are compared with: its validation photos, as the registry froze them.

Training photos would be the wrong measure: the head was fitted to them, so that its answers for
them are surer than for any photo to come. The directions along which features are compared do come
from training photos: from the validation photos they would fit these better than any others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from core.evaluation.drift import PhotoSet
from core.prediction.unlike import UnlikeModel
from core.registry.arrays import unpack_arrays
from core.registry.blobs import read_blob
from core.registry.reference import Reference, read_reference
from core.registry.store import ModelVersion
from core.workspace import Workspace

MEASURED = ("brightness", "contrast", "sharpness", "colourfulness")
"""Properties that are compared: see data.measures. Size and format are made alike before a model
sees a photo, and no drift."""
DISTANCE = "distance"
"""Name of the component that says how far a photo lies from all training photos."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DriftReference:
    """The reference of a model, and how photos are described for the comparison with it."""

    classes: tuple[str, ...]
    photos: PhotoSet
    scores: np.ndarray
    """(m, k) float32, of the reference photos."""
    features: np.ndarray
    """(m, 2048) float16."""
    digests: tuple[str, ...]
    """SHA-256 of each reference photo's own file."""
    unlike: UnlikeModel

    @property
    def component_names(self) -> tuple[str, ...]:
        """Names of the components: the distance, then directions, the widest first."""
        return DISTANCE, *(f"direction {n + 1}" for n in range(self.unlike.directions.shape[1]))

    def describe(
        self, features: np.ndarray, properties: np.ndarray, tops: Sequence[str]
    ) -> PhotoSet:
        """Returns photos as they are compared with this reference.

        Args:
            features: (n, 2048) float, of the version's backbone.
            properties: (n, 4) float, in the order of `MEASURED`.
            tops: (n) names, the most likely class of each.
        """
        numbers = {name: number for number, name in enumerate(self.classes)}
        return PhotoSet(
            components=_find_components(self.unlike, features),
            properties=np.asarray(properties, dtype=np.float64),
            groups=np.array([numbers.get(name, -1) for name in tops], dtype=np.int64),
        )


def read_drift_reference(workspace: Workspace, version: ModelVersion) -> DriftReference:
    """Returns the reference of a registered version.

    Raises:
        VersionDamaged: A file of it is missing, was cut short or altered.
    """
    digest = str(version.facts.get("files", {}).get("unlike", ""))
    arrays = unpack_arrays(read_blob(workspace, digest, "model of what is unlike"))
    unlike = UnlikeModel(**{field.name: arrays[field.name] for field in fields(UnlikeModel)})
    return make_drift_reference(version.classes, read_reference(workspace, version), unlike)


def make_drift_reference(
    classes: Sequence[str], reference: Reference, unlike: UnlikeModel
) -> DriftReference:
    """Returns a reference of photos that were drawn from the validation split.

    Args:
        classes: Of the model.
        reference: The photos.
        unlike: Where the model's training photos lie.
    """
    measured = [reference.property(name) for name in MEASURED]
    return DriftReference(
        classes=tuple(classes),
        photos=PhotoSet(
            components=_find_components(unlike, reference.features),
            properties=np.column_stack(measured),
            groups=reference.scores.argmax(axis=1),
        ),
        scores=reference.scores,
        features=reference.features,
        digests=tuple(reference.photo_digest(row) for row in range(len(reference))),
        unlike=unlike,
    )


def _find_components(unlike: UnlikeModel, features: np.ndarray) -> np.ndarray:
    """Returns the distance and the place along each direction, widest first, (n, 1 + r) float32."""
    features = np.asarray(features, dtype=np.float32)
    # eigh orders from the narrowest to the widest
    along = features @ unlike.directions[:, ::-1]
    return np.column_stack([unlike.measure(features), along]).astype(np.float32)

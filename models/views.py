"""Views: what a network sees in some photos of a dataset, each changed by one draw; as kept.

pooled: features (m, 2048) float32. conv4: activations (m, 14, 14, 1024) float16, from which conv5
is trained. One view is one file (models/keeping.py).
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.config import fingerprint
from models.keeping import Entry
from models.rows import CONV4, POOLED, RowForm

ViewKind = Literal["pooled", "conv4"]

FORMS: dict[ViewKind, RowForm] = {"pooled": POOLED, "conv4": CONV4}

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ViewSource:
    """What decides the row of a photo in a view, whichever dataset the photo is in."""

    kind: ViewKind
    backbone: str
    precision: str
    policy: str
    """The fingerprint of the augmentation policy; empty: the photos as they are."""
    seed: int
    number: int
    """Which draw of the policy, from 0."""

    @property
    def facts(self) -> dict[str, Any]:
        """What is written beside rows of this source, and looked for to find more of them."""
        return {
            "view": self.kind,
            "version": _VERSION,
            "backbone": self.backbone,
            "precision": self.precision,
            "policy": self.policy,
            "seed": self.seed,
            "number": self.number,
        }


def describe_view(source: ViewSource, dataset_id: str, photos: np.ndarray) -> Entry:
    """Returns the entry under which a view of these photos (m,) int of a dataset is kept."""
    rows = np.ascontiguousarray(photos, dtype="<i8")
    facts = {**source.facts, "dataset": dataset_id}
    identifier = fingerprint({**facts, "photos": hashlib.sha256(rows.tobytes()).hexdigest()})
    return Entry(id=identifier, facts={**facts, "photos": rows.tolist()}, form=FORMS[source.kind])

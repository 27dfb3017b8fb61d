"""One view of the first photos of a dataset, as training makes it: to be measured."""

from pathlib import Path

import numpy as np

from core.bench.preparing import Subject
from core.config import fingerprint
from core.runs.training.views import make_change
from core.workspace import Workspace
from data.policy import AugmentationPolicy
from models.devices import find_device
from models.extraction import Network, Photos, extract_rows
from models.views import ViewKind, ViewSource, describe_view


def extract_view(
    scratch: Workspace,
    subject: Subject,
    photos_file: Path,
    n: int,
    *,
    kind: ViewKind,
    policy: AugmentationPolicy,
    network: Network,
) -> None:
    """Returns nothing; one view of the first n photos stands in the scratch workspace."""
    facts = subject.backbone.facts
    source = ViewSource(
        kind=kind,
        backbone=facts.id,
        precision=facts.precision,
        policy="" if policy.does_nothing else fingerprint(policy),
        seed=0,
        number=0,
    )
    change = None if policy.does_nothing else make_change(subject.dataset, policy, source)
    photos = Photos(photos_file, np.arange(n), change, threads=find_device().cores)
    entry = describe_view(source, subject.dataset.id, np.arange(n))
    extract_rows(scratch, entry, photos, network)

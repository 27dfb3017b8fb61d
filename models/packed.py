"""A trunk or backbone as arrays, for a process without a workspace."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from core.workspace import Workspace
from models.backbone import BackboneFacts, Purpose, Trunk, open_backbone, open_trunk
from models.weights import Weights


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedNetwork:
    """A trunk or backbone for another process."""

    facts: BackboneFacts
    files: Mapping[str, np.ndarray]
    """Name → bytes of its files, or of its weights."""
    weights: Weights | None = None
    """Weights for Keras, on GPUs; None: it runs in OpenVINO."""
    is_trunk: bool = False
    purpose: Purpose = "throughput"

    def open(self) -> Trunk:
        """Return the network; a process caches the last one."""
        key = f"{self.facts.id} {self.is_trunk} {self.purpose}"
        if key not in _opened:
            _opened.clear()
            with TemporaryDirectory(prefix="petalscope-") as folder:
                _opened[key] = self._open(Workspace(Path(folder)))
        return _opened[key]

    def _open(self, workspace: Workspace) -> Trunk:
        place = workspace.backbone_folder(self.facts.id)
        place.mkdir(parents=True)
        for name, content in self.files.items():
            content.tofile(place / name)
        if self.weights is not None:
            from models.keras_backbone import open_keras_backbone

            weights = replace(self.weights, file=next(place.iterdir(), None))
            backbone = open_keras_backbone(weights, self.facts.preprocessing, self.facts.framing)
            return backbone.trunk if self.is_trunk else backbone
        if self.is_trunk:
            return open_trunk(workspace, self.facts.id)
        return open_backbone(workspace, self.facts.id, purpose=self.purpose)


_opened: dict[str, Trunk] = {}


def pack_network(workspace: Workspace, facts: BackboneFacts, **how: Any) -> PackedNetwork:
    """Return a backbone of the workspace, or its trunk, for OpenVINO."""
    files = sorted(workspace.backbone_folder(facts.id).iterdir())
    contents = {file.name: np.fromfile(file, np.uint8) for file in files}
    return PackedNetwork(facts=facts, files=contents, **how)

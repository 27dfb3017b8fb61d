"""What the wheel requires: the versions of requirements.txt, each or a later patch of it."""

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class RequirementsHook(MetadataHookInterface):
    """Reads requirements.txt, so that no version is written twice."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the dependencies: `==1.2.3` is pinned for `make run`, `~=1.2.3` in the wheel."""
        lines = (Path(self.root) / "requirements.txt").read_text(encoding="utf-8").splitlines()
        metadata["dependencies"] = [line.replace("==", "~=", 1) for line in lines if line]

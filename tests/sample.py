"""The faults that are planted in the embedded sample, by its own list."""

import json
import zipfile
from typing import Any

from data.sources.published import SAMPLE_FILE


def read_faults(kind: str) -> list[dict[str, Any]]:
    """Return the planted faults of a kind, each with the paths it concerns."""
    with zipfile.ZipFile(SAMPLE_FILE) as archive:
        faults: list[dict[str, Any]] = json.loads(archive.read("faults.json"))[kind]
    return faults

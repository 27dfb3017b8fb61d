"""What a version is made of, as JSON values, and the digest over it.

Keys: format, run_id, dataset_id, recipe, best_epoch, classes, train_counts (class → training
photos), validation {n, right}, backbone (models.backbone.BackboneFacts without its files), rule
(core.prediction.deciding.DecisionRule, or None), unlike_version, files {role: sha256}, sizes
{role: bytes}; and, outside of the digest because they may change: run_name, dataset_name,
rule_made.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

FORMAT = 1
"""To be raised when files or facts mean something else."""

Role = Literal["network", "weights", "head", "unlike", "reference"]

WEIGHTS_SUFFIX = ".bin"
"""Of the file beside an OpenVINO network (.xml) that holds its numbers."""

_CHANGING = frozenset({"run_name", "dataset_name", "rule_made"})


def digest_facts(facts: Mapping[str, Any]) -> str:
    """Returns the SHA-256 over what decides the answers, and over where it came from."""
    lasting = {name: value for name, value in facts.items() if name not in _CHANGING}
    canonical = json.dumps(lasting, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()

"""A registered model as answers name it: what it is, and where it came from. `core.registry` keeps
them; it stands here so that an answer can say which version gave it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One registered version: a model together with the rule by which it answers."""

    number: int
    digest: str
    """SHA-256 over all that decides its answers; equal content has equal digests."""
    run_id: str
    dataset_id: str
    name: str
    facts: Mapping[str, Any]
    """What it is made of; see core/registry/facts.py. Empty where its row cannot be read."""
    who: str
    created: datetime
    """UTC."""

    @property
    def label(self) -> str:
        """Its number as people say it: “v3”."""
        return f"v{self.number}"

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.facts.get("classes", ()))

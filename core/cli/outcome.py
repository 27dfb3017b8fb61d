"""What a command hands back, and the only place that prints it: as text or as one JSON document."""

import dataclasses
import json
import math
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import PetalscopeError
from core.installed import name_command


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """A result for people (`text`) and for programs (`document`)."""

    text: str
    document: Mapping[str, Any]
    exit_code: int = 0
    to_stderr: bool = False
    """The text is a complaint, not a result."""


def describe_error(error: PetalscopeError) -> Outcome:
    """Returns the outcome of a command that ended with one of our errors."""
    return Outcome(
        text=f"{error.problem}\n{error.remedy}",
        document={"error": error_document(error)},
        exit_code=1,
        to_stderr=True,
    )


def error_document(error: PetalscopeError) -> dict[str, str]:
    """Returns the error as JSON output shows it."""
    return {"code": error.code, "problem": error.problem, "remedy": error.remedy}


def print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """Prints the outcome; an error says its text on stderr in either form."""
    if outcome.to_stderr:
        print(name_command(outcome.text), file=sys.stderr)
    if as_json:
        print(json.dumps(to_plain(outcome.document), indent=2, ensure_ascii=False, allow_nan=False))
    elif not outcome.to_stderr:
        print(name_command(outcome.text))


def to_plain(value: Any) -> Any:
    """Returns the value in JSON's own types; numbers that are undefined (NaN) become null."""
    if isinstance(value, Mapping):
        return {str(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers, without importing NumPy
        return to_plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Path):
        return str(value)
    return value

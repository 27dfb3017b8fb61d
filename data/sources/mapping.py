"""Class numbers and names as JSON: {"1": "pink primrose", …}, called mapping or cat_to_name."""

import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from core.errors import SourceRefused

_LARGEST_BYTES = 10_000_000


def read_mapping(file: Path) -> dict[int, str]:
    """Returns class number → name, in the order of the numbers.

    Raises:
        SourceRefused: There is no such file, or it is not such a mapping.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES + 1)
        names = json.loads(content[:_LARGEST_BYTES].decode("utf-8-sig"))
    except OSError as error:
        raise SourceRefused(
            f"“{file}” could not be read ({error.strerror}).", "Check the path of the names."
        ) from error
    except (ValueError, RecursionError) as error:
        raise SourceRefused(
            f"“{file.name}” is no JSON ({error}).", _describe_form("Check what is in it")
        ) from error
    if not isinstance(names, dict) or not names:
        raise SourceRefused(
            f"“{file.name}” does not map numbers to names.", _describe_form("Write it anew")
        )
    mapping: dict[int, str] = {}
    for number, name in names.items():
        tidy = unicodedata.normalize("NFC", name).strip() if isinstance(name, str) else ""
        if not (number.isascii() and number.isdigit() and len(number) < 10 and tidy):
            raise SourceRefused(
                f"“{file.name}” has the entry “{number[:40]}”: “{str(name)[:40]}”, which is not a "
                "number and a name.",
                _describe_form("Correct it"),
            )
        mapping[int(number)] = tidy
    return dict(sorted(mapping.items()))


def format_mapping(names: Mapping[int, str]) -> str:
    """Returns the JSON of class number → name, as scripts for Oxford 102 read it."""
    content = {str(number): name for number, name in sorted(names.items())}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _describe_form(advice: str) -> str:
    return f'{advice}; it should look like {{"1": "pink primrose", "2": "…"}}.'

"""Nothing in the house reads or writes what could run when it is read."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted(
    path for folder in ("core", "data", "models", "pages") for path in (ROOT / folder).rglob("*.py")
)
FORBIDDEN = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
OPENING = {"allow_pickle": True, "safe_mode": False, "weights_only": False}
"""Arguments that open the door."""


def find_doors(text: str) -> list[str]:
    """Return what of a source could run something when it reads a file."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in FORBIDDEN]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] if node.module.split(".")[0] in FORBIDDEN else []
        elif isinstance(node, ast.Attribute) and node.attr in ("read_pickle", "to_pickle"):
            found.append(node.attr)
        elif isinstance(node, ast.Call):
            found += [
                word.arg
                for word in node.keywords
                if word.arg in OPENING
                # Anything but the plain safe value: a variable might be either.
                and not (
                    isinstance(word.value, ast.Constant)
                    and word.value.value is not OPENING[word.arg]
                )
            ]
    return found


def test_no_door_is_open() -> None:
    assert len(SOURCES) > 300
    found = {path.name: find_doors(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {name: doors for name, doors in found.items() if doors} == {}


@pytest.mark.parametrize(
    "door",
    [
        "import pickle",
        "from joblib import load",
        "import pickle as quiet",
        "np.load(file, allow_pickle=True)",
        "np.load(file, allow_pickle=trusted)",
        "keras.models.load_model(file, safe_mode=False)",
        "pd.read_pickle(file)",
    ],
)
def test_doors_are_seen(door: str) -> None:
    assert find_doors(door)

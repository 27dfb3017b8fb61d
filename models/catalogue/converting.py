"""Makes .safetensors of a pickle (.pth), in a process of its own that knows nothing of the program.

A pickle can run anything when it is opened. Here it never is: PyTorch opens it elsewhere, with
`weights_only`, and hands over plain arrays.
"""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from core.errors import WeightsDamaged, WeightsMissing
from core.workspace import digest_file
from models.catalogue.arrays import read_arrays, write_safetensors

_LIMIT_S = 600
_SCRIPT = """
import sys, numpy, torch
found = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
for name in ("state_dict", "model", "teacher"):
    found = found[name] if isinstance(found.get(name), dict) else found
arrays = {name: one.detach() for name, one in found.items() if torch.is_tensor(one)}
as_floats = {n: a.float() if a.is_floating_point() else a for n, a in arrays.items()}
numpy.savez(sys.argv[2], **{name: array.numpy() for name, array in as_floats.items()})
"""
_FIRST = "conv1.weight"


def check_pickle(file: Path) -> None:
    """Check by its first bytes, without unpickling it, that a file is what PyTorch saves.

    Raises:
        WeightsMissing: There is no such file.
        WeightsDamaged: It is something else: a web page, say.
    """
    if not file.is_file():
        raise WeightsMissing(f"There is no file {file}.", "Correct the path.", file=str(file))
    with file.open("rb") as content:
        if content.read(2) not in (b"PK", b"\x80\x02"):
            raise WeightsDamaged(
                "What came is no file of PyTorch; a web page, perhaps.", "Download it again."
            )


def convert_pickle(file: Path, target: Path, python: str = "") -> Path:
    """Write the arrays of a pickle to `target`, a .safetensors, and return that.

    Args:
        python: The interpreter that has PyTorch; left out, ours.

    Raises:
        WeightsMissing: There is no PyTorch, or it refused the file: it holds more than arrays.
    """
    if not python and importlib.util.find_spec("torch") is None:
        raise WeightsMissing(
            f"“{file.name}” is a pickle, and PyTorch, which alone can read it, is not installed.",
            "Install it (pip install torch, here or in an environment of its own) and convert: "
            f"python -m core weights convert {file} (with --python PATH for another environment).",
            file=str(file),
        )
    with tempfile.TemporaryDirectory() as folder:
        arrays = Path(folder) / "arrays.npz"
        command = [python or sys.executable, "-c", _SCRIPT, str(file.resolve()), str(arrays)]
        try:
            ended = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=_LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _refuse(file, str(error)) from error
        if ended.returncode or not arrays.is_file():
            raise _refuse(file, (ended.stderr.strip().splitlines() or ["it said nothing"])[-1])
        found = read_arrays(arrays)
        firsts = (name.removesuffix(_FIRST) for name in found if name.endswith(_FIRST))
        prefix = min(firsts, key=len, default="")  # “module.”, “backbone.”: how it was trained
        kept = {name.removeprefix(prefix): found[name] for name in found if name.startswith(prefix)}
        write_safetensors(target, kept, source=file.name, source_sha256=digest_file(file))
    return target


def _refuse(file: Path, reason: str) -> WeightsMissing:
    return WeightsMissing(
        f"“{file.name}” could not be converted: {reason[:300]}",
        "It has to be a file of arrays alone; of a whole model, save the state_dict.",
        file=str(file),
    )

"""Fetches weights of the catalogue into the workspace, checked before they get their name.

A pickle can run anything when opened: PyTorch opens it, `weights_only`, in a process of its own.
"""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.config import OFFICIAL_WEIGHTS_URL, read_settings
from core.downloading import download_file
from core.errors import DownloadFailed, WeightsDamaged, WeightsMissing
from core.workspace import Workspace, digest_file, digest_once, write_atomically
from models.catalogue import DEFAULT, Entry
from models.catalogue.arrays import check_layout, read_arrays, write_safetensors
from models.weights import (
    OFFICIAL_MD5,
    OFFICIAL_NAME,
    Weights,
    WeightsKind,
    check_notice,
    describe_weights,
    find_entry,
    find_weights,
    note_weights,
)


def download_weights(
    workspace: Workspace,
    on_progress: Callable[[int, int], None] | None = None,
    name: WeightsKind = DEFAULT,
) -> Weights:
    """Return the weights of this name, downloaded into the workspace; a broken download goes on.

    What comes as a pickle is converted where PyTorch is installed.

    Raises:
        WeightsMissing: The server cannot be reached or refuses, the download broke off, or what
            came has to be converted and PyTorch is missing.
        WeightsDamaged: What came is not what was asked for; it is thrown away.
        NoticeNotAccepted: A person has to accept the notice of these weights first.
        DiskFull: There is no room for the file.
    """
    entry = find_entry(name)
    check_notice(workspace, entry)
    address, target, most = _plan_download(workspace, entry)
    if not address:
        return find_weights(workspace, name)

    def check(file: Path) -> None:
        _check_download(file, entry, address)

    try:
        download_file(address, target, check, on_progress, most)
    except DownloadFailed as error:
        raise WeightsMissing(
            f"The weights could not be downloaded: {error.facts['reason']}.",
            error.remedy,
            **error.facts,
        ) from error
    if name == DEFAULT:
        return describe_weights(target, "download")
    if entry.is_pickle:
        target = convert_weights(workspace, pickle := target, name)
        pickle.unlink()
    note_weights(workspace, name, fetched=digest_once(target), address=address)
    return replace(find_weights(workspace, name), origin="download")


def convert_weights(workspace: Workspace, pickle: Path, name: str, python: str = "") -> Path:
    """Return the file of the weights of this name, made of a pickle by our Python or another.

    Raises:
        WeightsMissing: There is no PyTorch, or it refused the file.
        WeightsDamaged: It is another network's.
    """
    entry, target = find_entry(name), workspace.weights / f"{name}.safetensors"
    with write_atomically(target) as made:
        convert_pickle(pickle, made, python)
        check_layout(made, entry.graph)
    return target


def _plan_download(workspace: Workspace, entry: Entry) -> tuple[str, Path, int | None]:
    """Return the address, the file, and how many bytes it may have."""
    if entry.name == DEFAULT:
        address = read_settings().weights_url
        file = address.rsplit("/", 1)[-1].partition("?")[0].lstrip(".") or OFFICIAL_NAME
    else:
        address, file = entry.address, f"{entry.name}{entry.suffix}"
    room = 1.01 if entry.size_exact else 1.25
    known = address == entry.address and entry.size_bytes
    return address, workspace.weights / file, int(entry.size_bytes * room) if known else None


def _check_download(file: Path, entry: Entry, address: str) -> None:
    right = entry.name != DEFAULT or address == OFFICIAL_WEIGHTS_URL
    other = entry.sha256 and not digest_file(file).startswith(entry.sha256)
    if entry.name == DEFAULT:
        other = right and digest_file(file, "md5") != OFFICIAL_MD5
    if other:
        raise WeightsDamaged(
            "The downloaded weights are not the official ones: their digest differs.",
            "Download them again.",
            address=address,
        )
    if entry.is_pickle:
        check_pickle(file)
    else:
        check_layout(file, entry.graph, ".h5" if entry.name == DEFAULT else entry.suffix)


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

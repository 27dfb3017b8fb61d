"""Which ResNet-50 weights are used, and where they come from.

Pretrained weights are looked for in PETALSCOPE_WEIGHTS, the workspace and Keras' cache, in this
order. Nothing is downloaded unless asked for, and nothing silently replaced: a file that is there
but wrong is an error. Every file is checked to hold ResNet-50 without its top.
"""

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import h5py

from core.config import OFFICIAL_WEIGHTS_URL, read_settings
from core.downloading import download_file
from core.errors import DownloadFailed, WeightsDamaged, WeightsMissing
from core.workspace import Workspace, digest_file, digest_once

WeightsKind = Literal["pretrained", "random"]

OFFICIAL_NAME = OFFICIAL_WEIGHTS_URL.rsplit("/", 1)[-1]

OFFICIAL_MD5 = "4d473c1dd8becc155b73f8504c6f6626"
"""Source: keras/src/applications/resnet.py of Keras 3.15.1, WEIGHTS_HASHES["resnet50"][1]."""

RANDOM_DIGEST = "random-damped-1"
"""Stands for what models/keras_backbone.py draws: the variant and its seed."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights of ResNet-50 without its top; `file` is None where they are drawn at random."""

    kind: WeightsKind
    file: Path | None
    digest: str
    """SHA-256 of the file, or the name of the random draw."""
    origin: str
    """Where they were found, for people."""
    official: bool
    """Whether they are Keras' ImageNet weights, by their digest."""
    title: str = ""
    """What to call them where their file name says nothing: "fine-tuned", say."""

    @property
    def label(self) -> str:
        """What to call them on screen."""
        if self.title:
            return self.title
        if self.file is None:
            return "random"
        return "ImageNet" if self.official else f"pretrained: {self.file.name}"


def find_weights(workspace: Workspace, kind: WeightsKind = "pretrained") -> Weights:
    """Return the weights to use; never downloads.

    Raises:
        WeightsMissing: No pretrained weights are on this machine.
        WeightsDamaged: The first file found is truncated, altered or another network's.
    """
    if kind == "random":
        return Weights(
            kind="random",
            file=None,
            digest=RANDOM_DIGEST,
            origin="random initialisation",
            official=False,
        )
    if chosen := read_settings().weights:
        return _read_chosen(chosen.expanduser())
    if stored := _list_stored(workspace):
        return describe_weights(stored[0], "the workspace")
    if (cached := _find_keras_cache()).is_file():
        return _read_cached(cached)
    raise WeightsMissing(
        "The ImageNet weights of ResNet-50 are not on this machine.",
        f"Download them (python -m core weights --download), or fetch {OFFICIAL_WEIGHTS_URL} "
        f"by hand and put the file into {workspace.weights}. Random weights need no file.",
        address=OFFICIAL_WEIGHTS_URL,
        folder=str(workspace.weights),
    )


def download_weights(
    workspace: Workspace, on_progress: Callable[[int, int], None] | None = None
) -> Weights:
    """Return the weights of PETALSCOPE_WEIGHTS_URL, downloaded into the workspace.

    A download that broke off goes on where it stopped; one that is complete is not repeated.

    Args:
        on_progress: Told the bytes that are here and the bytes in all.

    Raises:
        WeightsMissing: The server cannot be reached or refuses, or the download broke off.
        WeightsDamaged: What came is not what was asked for; it is thrown away.
        DiskFull: There is no room for the file.
    """
    address = read_settings().weights_url
    target = workspace.weights / (address.rsplit("/", 1)[-1].partition("?")[0] or OFFICIAL_NAME)

    def check(file: Path) -> None:
        if address == OFFICIAL_WEIGHTS_URL and digest_file(file, "md5") != OFFICIAL_MD5:
            raise WeightsDamaged(
                "The downloaded weights are not the official ones: their digest differs.",
                "Download them again.",
                address=address,
            )
        check_weights_file(file)

    try:
        download_file(address, target, check, on_progress)
    except DownloadFailed as error:
        raise WeightsMissing(
            f"The weights could not be downloaded: {error.facts['reason']}.",
            error.remedy,
            **error.facts,
        ) from error
    return describe_weights(target, "download")


def describe_weights(file: Path, origin: str, title: str = "") -> Weights:
    """Return the weights in a file, after a check that they are ResNet-50's without top.

    Raises:
        WeightsDamaged: They are not.
    """
    facts = file.stat()
    _check_once(file, facts.st_size, facts.st_mtime_ns)
    return Weights(
        kind="pretrained",
        file=file,
        digest=digest_once(file),
        origin=origin,
        official=digest_once(file, "md5") == OFFICIAL_MD5,
        title=title,
    )


@functools.lru_cache(maxsize=64)
def _check_once(file: Path, size: int, mtime_ns: int) -> None:  # noqa: ARG001 (with it the key)
    """Check a file once: pages ask at every click."""
    check_weights_file(file)


def _read_chosen(file: Path) -> Weights:
    if not file.is_file():
        raise WeightsMissing(
            f"PETALSCOPE_WEIGHTS names {file}, but no file is there.",
            "Correct the path, or unset PETALSCOPE_WEIGHTS to use the usual places.",
            file=str(file),
        )
    return describe_weights(file, "PETALSCOPE_WEIGHTS")


def _list_stored(workspace: Workspace) -> list[Path]:
    """Return the weights files of the workspace, the official name first."""
    files = (file for file in workspace.weights.glob("*.h5") if not file.name.startswith("."))
    return sorted(files, key=lambda file: (file.name != OFFICIAL_NAME, file.name))


def _find_keras_cache() -> Path:
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "models" / OFFICIAL_NAME


def _read_cached(file: Path) -> Weights:
    if digest_once(file, "md5") != OFFICIAL_MD5:
        raise WeightsDamaged(
            f"The weights in Keras' cache ({file}) are not the official ones by their digest.",
            "Delete that file, or download the weights into the workspace.",
            file=str(file),
        )
    return describe_weights(file, "Keras' cache")


_STACKS = ((2, 64, 3), (3, 128, 4), (4, 256, 6), (5, 512, 3))
"""Number, filters and blocks of each stack (He et al. 2015, table 1, 50-layer)."""


def check_weights_file(path: Path) -> None:
    """Check that the file holds the weights of ResNet-50 without top.

    Raises:
        WeightsDamaged: It is truncated, no HDF5, or another network's.
    """
    try:
        with h5py.File(path, "r") as file:
            found = dict(_list_kernels(file))
    except (OSError, RuntimeError, KeyError) as error:
        raise WeightsDamaged(
            f"The weights file {path} cannot be read: it is truncated or no HDF5 file.",
            "Delete it and download or copy it again.",
            file=str(path),
        ) from error
    expected = dict(_list_expected_kernels())
    if found != expected:
        raise WeightsDamaged(
            f"The weights file {path} is not ResNet-50 without its top: {_tell(expected, found)}.",
            "Use the file whose name ends in “notop.h5”, in Keras' layout.",
            file=str(path),
        )


def _list_kernels(file: h5py.File) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield layer and kernel shape of every layer that has one."""
    for layer, group in file.items():
        for name in group.attrs.get("weight_names", ()):
            text = name.decode() if isinstance(name, bytes) else str(name)
            weight = group[text]
            if text.removesuffix(":0").endswith("/kernel"):
                yield layer, tuple(weight.shape)


def _list_expected_kernels() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "conv1_conv", (7, 7, 3, 64)
    channels = 64
    for stack, filters, blocks in _STACKS:
        for block in range(1, blocks + 1):
            name = f"conv{stack}_block{block}"
            if block == 1:
                yield f"{name}_0_conv", (1, 1, channels, 4 * filters)
            yield f"{name}_1_conv", (1, 1, channels, filters)
            yield f"{name}_2_conv", (3, 3, filters, filters)
            yield f"{name}_3_conv", (1, 1, filters, 4 * filters)
            channels = 4 * filters


def _tell(expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> str:
    """Return in words the first difference between the two."""
    if not found:
        return "it holds no layers in Keras' layout"
    if extra := sorted(found.keys() - expected.keys()):
        return f"it has a layer {extra[0]} too many"
    if missing := sorted(expected.keys() - found.keys()):
        return f"the layer {missing[0]} is missing"
    layer = next(name for name in expected if expected[name] != found[name])
    return f"the layer {layer} has shape {found[layer]} instead of {expected[layer]}"

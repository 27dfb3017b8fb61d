"""Finds, lists and downloads the weights of the backbone.

Weights are only downloaded on request and never silently replaced: a wrong file is an error.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from core.config import OFFICIAL_WEIGHTS_URL, read_settings
from core.downloading import download_file
from core.errors import DownloadFailed, WeightsDamaged, WeightsMissing
from core.workspace import Workspace, digest_file, digest_once
from models.catalogue import CATALOGUE, DEFAULT, RANDOM, STARTER
from models.weights_file import check_weights_file

WeightsKind = str
"""A name of the catalogue."""

OFFICIAL_NAME = OFFICIAL_WEIGHTS_URL.rsplit("/", 1)[-1]

_STARTER_FILE = Path(__file__).parent / "starter/starter.safetensors"

OFFICIAL_MD5 = "4d473c1dd8becc155b73f8504c6f6626"
"""Source: keras/src/applications/resnet.py of Keras 3.15.1, WEIGHTS_HASHES["resnet50"][1]."""

_MOST_BYTES = int(1.01 * CATALOGUE[DEFAULT].size_bytes)

RANDOM_DIGEST = "random-damped-1"
"""Variant and seed of the weights that models/keras_backbone.py draws."""

TUNED = "fine-tuned"
"""Title of weights that a run of the workspace trained."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights of a backbone without top; `file` is None for random weights."""

    name: WeightsKind = DEFAULT
    """A name of the catalogue; the file of PETALSCOPE_WEIGHTS is “pretrained”."""
    file: Path | None
    digest: str
    """SHA-256 of the file, or the name of the random draw."""
    origin: str
    """The place where they were found."""
    official: bool
    """Whether they are Keras' own, by their digest, or the built-in ones."""
    title: str = ""
    """Their label, such as "fine-tuned"; "": from the file name."""

    @property
    def label(self) -> str:
        """Their name on screen."""
        if self.title:
            return self.title
        if self.file is None:
            return "random"
        return "ImageNet" if self.official else f"pretrained: {self.file.name}"


def find_weights(workspace: Workspace, name: WeightsKind = DEFAULT) -> Weights:
    """Return the weights of this name, without a download.

    Raises:
        WeightsMissing: They are not on this machine, or the name is unknown.
        WeightsDamaged: The first file found is damaged or of another network.
    """
    if name == RANDOM:
        return Weights(
            name=RANDOM,
            file=None,
            digest=RANDOM_DIGEST,
            origin="random initialisation",
            official=False,
        )
    if name == STARTER:
        return describe_weights(_STARTER_FILE, "this program", CATALOGUE[STARTER].title, STARTER)
    if name == DEFAULT:
        return _find_default(workspace)
    raise WeightsMissing(
        f"This version has no weights called “{name[:80]}”.",
        f"Choose from: {', '.join(CATALOGUE)}. Scores of runs on other weights stay.",
    )


def name_usual(workspace: Workspace, kept: Iterable[WeightsKind] = ()) -> WeightsKind:
    """Return the default weights, which need no download; `kept` have cached features."""
    for name in kept:
        if name in (DEFAULT, STARTER):
            return name
    try:
        return find_weights(workspace, DEFAULT).name
    except (WeightsMissing, WeightsDamaged):
        return STARTER


def list_weights(workspace: Workspace) -> list[Weights]:
    """Return all intact weights on this machine, with the random ones."""
    found = []
    for name in CATALOGUE:
        with contextlib.suppress(WeightsMissing, WeightsDamaged):
            found.append(find_weights(workspace, name))
    return found


def _find_default(workspace: Workspace) -> Weights:
    if chosen := read_settings().weights:
        file = chosen.expanduser()
        if file.is_file():
            return describe_weights(file, "PETALSCOPE_WEIGHTS")
        raise WeightsMissing(
            f"PETALSCOPE_WEIGHTS is {file}, which does not exist.",
            "Correct the path, or unset PETALSCOPE_WEIGHTS to use the usual places.",
            file=str(file),
        )
    stored = list(workspace.weights.glob("[!.]*.h5"))
    if stored:  # the official name first
        first = min(stored, key=lambda file: (file.name != OFFICIAL_NAME, file.name))
        return describe_weights(first, "the workspace")
    cached = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras", "models", OFFICIAL_NAME)
    if cached.is_file():
        if digest_once(cached, "md5") != OFFICIAL_MD5:
            raise WeightsDamaged(
                f"The weights in Keras' cache ({cached}) do not have the official digest.",
                "Delete that file, or download the weights into the workspace.",
                file=str(cached),
            )
        return describe_weights(cached, "Keras' cache")
    raise WeightsMissing(
        "The ImageNet weights of ResNet-50 are not on this machine.",
        f"Download them (python -m core weights --download), or download {OFFICIAL_WEIGHTS_URL} "
        f"and put the file into {workspace.weights}. The built-in weights (--weights starter) need "
        "no download.",
        address=OFFICIAL_WEIGHTS_URL,
        folder=str(workspace.weights),
    )


def describe_weights(
    file: Path, origin: str, title: str = "", name: WeightsKind = DEFAULT
) -> Weights:
    """Return the weights in a file, after a check.

    Raises:
        WeightsDamaged: They are not of ResNet-50 without top.
    """
    is_starter, digest = file == _STARTER_FILE, digest_once(file)
    if not is_starter:
        _check_once(file, digest)
    return Weights(
        name=name,
        file=file,
        digest=digest,
        origin=origin,
        official=is_starter or (name == DEFAULT and digest_once(file, "md5") == OFFICIAL_MD5),
        title=title,
    )


@functools.lru_cache(maxsize=64)
def _check_once(file: Path, digest: str) -> None:  # noqa: ARG001 (part of the key)
    """Check a file once: pages ask at every click."""
    check_weights_file(file)


def download_weights(
    workspace: Workspace, on_progress: Callable[[int, int], None] | None = None
) -> Weights:
    """Download the ImageNet weights into the workspace and return them; resume if interrupted.

    Raises:
        WeightsMissing: The server cannot be reached or refuses, or the download was interrupted.
        WeightsDamaged: The downloaded file is wrong; it is deleted.
        DiskFull: The disk has no room for the file.
    """
    address = read_settings().weights_url
    name = address.rsplit("/", 1)[-1].partition("?")[0].lstrip(".") or OFFICIAL_NAME
    is_official = address == OFFICIAL_WEIGHTS_URL

    def check(file: Path) -> None:
        if is_official and digest_file(file, "md5") != OFFICIAL_MD5:
            raise WeightsDamaged(
                "The downloaded weights do not have the official digest.",
                "Download them again.",
                address=address,
            )
        check_weights_file(file)

    target, most = workspace.weights / name, _MOST_BYTES if is_official else None
    try:
        download_file(address, target, check, on_progress, most)
    except DownloadFailed as error:
        raise WeightsMissing(
            f"The weights could not be downloaded: {error.facts['reason']}.",
            error.remedy,
            **error.facts,
        ) from error
    return describe_weights(target, "download")

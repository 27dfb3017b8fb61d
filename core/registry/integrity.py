"""Whether a version is what was registered: every byte of its files, and what is written of it.

A file of the backbone that was damaged is taken from the workspace's backbone, if that has the
registered digest; anything else stays refused.
"""

import hashlib
import logging

from core.errors import VersionDamaged
from core.prediction.unlike import UNLIKE_VERSION
from core.registry.blobs import blob_file, hold_registry, keep_bytes, read_blob
from core.registry.facts import FORMAT, WEIGHTS_SUFFIX, Role
from core.registry.store import ModelVersion, is_row_whole, read_version
from core.workspace import Workspace, digest_once

_log = logging.getLogger(__name__)

_BACKBONE_SUFFIXES: dict[Role, str] = {"network": ".xml", "weights": WEIGHTS_SUFFIX}


def check_version(version: ModelVersion) -> ModelVersion:
    """Returns the version, when what is written of it is what was registered.

    Raises:
        VersionDamaged: Its row was altered, or a newer program registered it.
    """
    if not is_row_whole(version):
        raise damaged(version, "What is written of it in the database was altered")
    if (version.facts["format"], version.facts["unlike_version"]) != (FORMAT, UNLIKE_VERSION):
        raise damaged(version, "It was registered by another version of the program")
    return version


def check_files(workspace: Workspace, number: int) -> ModelVersion:
    """Returns the version, when all its files are there unaltered; nothing is compiled.

    Raises:
        VersionMissing: No version has that number.
        VersionDamaged: A byte of its files or of its row was changed, or a file is missing.
    """
    version = check_version(read_version(workspace, number))
    for role in version.facts["files"]:
        read_file(workspace, version, role)
    return version


def find_damage(workspace: Workspace, version: ModelVersion) -> VersionDamaged | None:
    """Returns why the version would be refused, or None; files not touched since are not read."""
    try:
        for role, digest in check_version(version).facts["files"].items():
            file = blob_file(workspace, digest)
            if not (file.is_file() and digest_once(file) == digest):
                read_file(workspace, version, role)
    except VersionDamaged as error:
        return error
    return None


def read_file(workspace: Workspace, version: ModelVersion, role: Role) -> bytes:
    """Returns the checked bytes of a file of the version.

    Raises:
        VersionDamaged: It is missing, was cut short or altered, and cannot be repaired.
    """
    digest = str(version.facts["files"][role])
    try:
        return read_blob(workspace, digest, role)
    except VersionDamaged as error:
        if role in _BACKBONE_SUFFIXES and _repair(workspace, version, role, digest):
            return read_blob(workspace, digest, role)
        raise damaged(version, f"Its {role} was cut short, altered or removed") from error


def _repair(workspace: Workspace, version: ModelVersion, role: Role, digest: str) -> bool:
    """Returns whether the file is whole again: taken from the run's backbone, if that is equal."""
    from models.backbone import NETWORK_FILE  # OpenVINO: pages check versions without it

    folder = workspace.backbone_folder(version.facts["backbone"]["id"])
    file = (folder / NETWORK_FILE).with_suffix(_BACKBONE_SUFFIXES[role])
    try:
        content = file.read_bytes()
    except OSError:
        return False
    if hashlib.sha256(content).hexdigest() != digest:
        return False
    with hold_registry(workspace):
        keep_bytes(workspace, content)
    _log.warning("the %s of %s was damaged and is repaired from %s", role, version.label, file)
    return True


def damaged(version: ModelVersion, what: str) -> VersionDamaged:
    """Returns what is raised when a version is refused."""
    return VersionDamaged(
        f"{version.label} is refused. {what}.",
        "Roll back to the former champion, or register the run of this version again: page Models.",
        version=version.number,
    )

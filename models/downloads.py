"""Downloads Keras' ImageNet weights into the workspace; they are checked before they are named."""

from collections.abc import Callable
from pathlib import Path

from core.config import OFFICIAL_WEIGHTS_URL, read_settings
from core.downloading import download_file
from core.errors import DownloadFailed, WeightsDamaged, WeightsMissing
from core.workspace import Workspace, digest_file
from models.catalogue import CATALOGUE, DEFAULT
from models.weights import OFFICIAL_MD5, OFFICIAL_NAME, Weights, describe_weights
from models.weights_file import check_weights_file

_MOST_BYTES = int(1.01 * CATALOGUE[DEFAULT].size_bytes)


def download_weights(
    workspace: Workspace, on_progress: Callable[[int, int], None] | None = None
) -> Weights:
    """Return the weights, downloaded into the workspace; a broken download goes on.

    Raises:
        WeightsMissing: The server cannot be reached or refuses, or the download broke off.
        WeightsDamaged: What came is not what was asked for; it is thrown away.
        DiskFull: There is no room for the file.
    """
    address = read_settings().weights_url
    name = address.rsplit("/", 1)[-1].partition("?")[0].lstrip(".") or OFFICIAL_NAME
    is_official = address == OFFICIAL_WEIGHTS_URL

    def check(file: Path) -> None:
        if is_official and digest_file(file, "md5") != OFFICIAL_MD5:
            raise WeightsDamaged(
                "The downloaded weights are not the official ones: their digest differs.",
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

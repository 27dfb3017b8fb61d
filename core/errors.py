"""Every error the program raises on purpose.

Each has a stable `code`, a `problem` (what is wrong) and a `remedy` (what to do), both for people;
children carry the facts as attributes. Raised where the fact is known, caught at three edges: the
page, the command line or API, and the worker. Anything else is a bug and stays loud.
docs/errors.md is made of the docstrings: first what happened, then what to do.
"""

import errno
import os
from functools import partial
from pathlib import Path
from typing import Any

DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when there is no room: disk, quota, or the limit on a file's size."""

INSTALLED = Path(__file__).resolve().parents[1].name == "_app"
"""Whether this is the installed tool: the wheel puts the program into `petalscope/_app`."""
_FROM_SOURCE = "python -m core"
COMMAND = "petalscope" if INSTALLED else _FROM_SOURCE
"""What a person types before the name of a command."""


def name_command(text: str) -> str:
    """Return the text with the command as a person types it here."""
    return text.replace(f"{_FROM_SOURCE} ", f"{COMMAND} ")


class PetalscopeError(Exception):
    """Parent of all errors that are shown to a person.

    A class of its own is for errors that code catches; for others, `code` is one of `OTHER_CODES`.
    """

    code = "error"

    def __init_subclass__(cls, *, code: str) -> None:
        cls.code = code

    def __init__(self, problem: str, remedy: str, *, code: str = "", **facts: object) -> None:
        problem, remedy = name_command(problem), name_command(remedy)
        super().__init__(f"{problem} {remedy}")
        self.code = code or self.code
        self.problem = problem
        self.remedy = remedy
        self.facts: dict[str, Any] = facts

    def __reduce__(self) -> tuple[object, ...]:
        again = partial(type(self), self.problem, self.remedy, code=self.code, **self.facts)
        return again, ()


OTHER_CODES = {
    "device_unavailable": "The device of PETALSCOPE_DEVICE is not available. The message says why; "
    "`PETALSCOPE_DEVICE=auto` uses the devices that are.",
    "extra_missing": "An optional package is not installed. Install the package in the message.",
    "run_going": "A run cannot be deleted while it is running. Stop it first.",
    "run_lost": "A run lost its worker three times. Free memory, then *Try again*: it resumes from "
    "its last epoch.",
    "version_in_use": "The champion and the challenger cannot be deleted. Promote another version "
    "first.",
}
"""Code → what happened and what to do, for errors that no code catches by their class."""


# Datasets and photos


class BadIdentifier(PetalscopeError, code="bad_identifier"):
    """An id from a link or a command line is not one of ours. Choose from the list."""


class DatasetMissing(PetalscopeError, code="dataset_missing"):
    """No dataset of that id is in the workspace. Choose another, or import it again."""


class SourceRefused(PetalscopeError, code="source_refused"):
    """There are no photos to import, or of fewer than two classes. Sort them into class folders."""


class ArchiveRefused(SourceRefused, code="archive_refused"):
    """An archive is hostile, broken or too large; nothing was written. Pack it again."""


class ImportFailed(PetalscopeError, code="import_failed"):
    """An import ended before the dataset was complete; nothing half-made is kept.
    Start it again."""


class PhotoRefused(PetalscopeError, code="photo_refused"):
    """A file is not a photo that can be used. Save it again as JPEG or PNG."""


class PhotoTooLarge(PhotoRefused, code="photo_too_large"):
    """A photo has more bytes or pixels than the settings allow; it was not decoded.
    Make it smaller."""


class PhotoUnreadable(PhotoRefused, code="photo_unreadable"):
    """A file is empty, not an image, truncated or damaged. Save it again as JPEG or PNG."""


class EditRefused(PetalscopeError, code="edit_refused"):
    """An edit cannot be noted, or the edits of a dataset cannot be applied.
    The message says which and why."""


class TagRefused(PetalscopeError, code="tag_refused"):
    """Photos cannot be tagged so. Choose another name, or a tag that is there."""


class QueryRefused(PetalscopeError, code="query_refused"):
    """A query of photos cannot be read. The message says where and why."""


class DatasetInUse(PetalscopeError, code="dataset_in_use"):
    """A dataset was not deleted: runs or versions depend on it.
    The message lists them; `--force` deletes it all the same."""


class ExportRefused(PetalscopeError, code="export_refused"):
    """An export cannot be written to that place. Name a new or empty folder."""


# Weights, recipes, runs, and the machine they run on


class WeightsMissing(PetalscopeError, code="weights_missing"):
    """No pretrained weights were found, or the download failed.
    `python -m core weights --download`, or put the file there by hand: see training.md."""


class WeightsDamaged(PetalscopeError, code="weights_damaged"):
    """A weights file is truncated, altered or not ResNet-50 without its top. Fetch it again."""


class FeaturesMissing(PetalscopeError, code="features_missing"):
    """The features behind a run's scores are not in the workspace, or were altered.
    `python -m core features DATASET` makes them anew."""


class TooManyPhotos(FeaturesMissing, code="too_many_photos"):
    """A dataset has more photos than are answered at once.
    Ask of a version with fewer photos; the strategy "Exact head" trains on any number."""


class BackboneMissing(PetalscopeError, code="backbone_missing"):
    """The converted backbone of a run is not in the workspace, or was altered.
    `python -m core features DATASET` makes it anew."""


class NetworkUnsupported(BackboneMissing, code="network_unsupported"):
    """A run of an earlier version has a network that this version does not compute with.
    Its scores stay; train the recipe again for new photos."""


class RecipeRefused(PetalscopeError, code="recipe_refused"):
    """A recipe asks for something that cannot be trained.
    The message says which value and its range."""


class AugmentationRefused(PetalscopeError, code="augmentation_refused"):
    """An augmentation policy has a part beyond its limits, or a name that cannot be used.
    The message says what is allowed."""


class RunMissing(PetalscopeError, code="run_missing"):
    """No run of that id is in the workspace. Choose another."""


class RunUnfinished(PetalscopeError, code="run_unfinished"):
    """The run has no result yet. Wait, or train the same recipe again."""


class RunStopped(PetalscopeError, code="run_stopped"):
    """A run was stopped before its first epoch, so there is nothing to keep. Train it again."""


class ResultDamaged(PetalscopeError, code="result_damaged"):
    """A file of a run or dataset was cut short or altered.
    Train or import again: the same recipe gives the same result."""


class RuleRefused(PetalscopeError, code="rule_refused"):
    """A rule for when to answer has a number that is not allowed, or nothing to rest on.
    The message says which."""


class DiskFull(PetalscopeError, code="disk_full"):
    """There is no room for what had to be written. Make room, then try again."""


class LessonRefused(PetalscopeError, code="lesson_refused"):
    """The files of a lesson are not as they must be. Compare them with those of “transfer”."""


class DatabaseUnusable(PetalscopeError, code="database_unusable"):
    """The index of the workspace is damaged, or empty while runs lie on disk.
    `python -m core repair` reads it back from its copies and from the folders."""


class PlaceRefused(PetalscopeError, code="place_refused"):
    """The system does not let us read or write a place: a read-only disk, another user's folder.
    Look whose it is, or name another with `PETALSCOPE_WORKSPACE`."""


class ReadOnly(PlaceRefused, code="read_only"):
    """The workspace can only be read here. Ask its owner to name you among the editors."""


class UnexpectedFault(PetalscopeError, code="bug"):
    """A mistake of the program; the run's log has the traceback. Report it."""


class SettingRefused(PetalscopeError, code="setting_refused"):
    """A variable PETALSCOPE_* has a value that is not allowed, or is no setting.
    The message says what is."""


class WorkspaceMissing(PetalscopeError, code="workspace_missing"):
    """The folder of the workspace was removed, or its disk is gone. Bring it back."""


class DownloadFailed(PetalscopeError, code="download_failed"):
    """A file could not be fetched, or is not the one that was asked for.
    Check the network and try again: it continues where it stopped."""


class ClusterFailed(PetalscopeError, code="cluster_failed"):
    """The Ray cluster does not answer, or could not do what was asked of it.
    Start it, or unset PETALSCOPE_RAY_ADDRESS, and try again: what is done is cached."""


# Models in use: registry, API, log, monitoring, retraining, export


class VersionMissing(PetalscopeError, code="version_missing"):
    """No model version of that number, digest or alias is registered.
    `python -m core promote --list` shows them."""


class VersionDamaged(PetalscopeError, code="version_damaged"):
    """A file of a model version was altered; the former champion answers meanwhile.
    Roll back, or register its run again."""


class PromotionRefused(PetalscopeError, code="promotion_refused"):
    """A version does not become champion: no reason, no comparison, or no gain beyond chance.
    The message says which; `--override` with a reason promotes it all the same."""


class PredictionMissing(PetalscopeError, code="prediction_missing"):
    """No prediction of that id is in the log (any more). It was deleted: ask again."""


class FeedbackRefused(PetalscopeError, code="feedback_refused"):
    """Feedback on an answer, or its review, cannot be taken. The message says why."""


class RetrainingRefused(PetalscopeError, code="retraining_refused"):
    """A challenger cannot be trained or compared as things are. The message says why."""


class RequestRefused(PetalscopeError, code="request_refused"):
    """A request to the API has the wrong address, method, form or values. See `/openapi.json`."""


class RequestTooLarge(RequestRefused, code="request_too_large"):
    """A request to the API has more bytes than are taken; the rest was not read.
    Send fewer or smaller photos."""


class KeyRefused(PetalscopeError, code="key_refused"):
    """A request to the API came without the right key, or from where none is accepted.
    Send the key."""


class TooManyRequests(PetalscopeError, code="too_many_requests"):
    """One address or key has sent more photos in a minute than it may.
    Wait as long as `Retry-After` says."""


class ServiceBusy(PetalscopeError, code="service_busy"):
    """The API holds as many photos as it may. Wait as long as `Retry-After` says."""


class ServiceNotReady(PetalscopeError, code="service_not_ready"):
    """The API has no version of a model to answer with. Promote one: it is taken up by itself."""


class ExportMissing(PetalscopeError, code="export_missing"):
    """No export of that id is in the workspace. Make it again."""


def describe_os_error(error: OSError) -> PetalscopeError | None:
    """Return in our words why a file cannot be read or written; None where it is our mistake."""
    file = f"“{error.filename}”" if error.filename else "A file"
    if error.errno in DISK_FULL_ERRNOS:
        return DiskFull(f"{file} could not be written: the disk is full.", "Make room, try again.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return PlaceRefused(
            f"{file} cannot be used: {os.strerror(error.errno)}.",
            "Look whose it is and where it lies, or name another workspace with "
            "PETALSCOPE_WORKSPACE. What is there can be looked at, not changed.",
        )
    return None

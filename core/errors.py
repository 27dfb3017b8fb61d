"""All errors that the program raises on purpose.

Each has a stable `code`, a `problem` (what is wrong) and a `remedy` (what to do), both for people;
facts are for programs. Errors are raised where the facts are known and caught at three edges: the
page, the command line or API, and the worker. Any other exception is a bug and is not caught.
docs/errors.md is generated from the docstrings: first what happened, then what to do.
"""

import errno
import os
from functools import partial
from pathlib import Path
from typing import Any

DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""System errors for a full disk, a quota, or a limit on the size of a file."""

INSTALLED = Path(__file__).resolve().parents[1].name == "_app"
"""Whether this is the installed tool, which lies in `petalscope/_app`."""
_FROM_SOURCE = "python -m core"
COMMAND = "petalscope" if INSTALLED else _FROM_SOURCE
"""The words in front of the name of a command."""


def name_command(text: str) -> str:
    """Return the text with commands as they are typed in this installation."""
    return text.replace(f"{_FROM_SOURCE} ", f"{COMMAND} ")


class PetalscopeError(Exception):
    """Parent of all errors that are shown to a person.

    A class of its own is for errors that code catches; for others, `code` is one of `OTHER_CODES`.
    """

    code = "error"
    status = 400
    """Of the API's answer; a fact `status` takes its place."""

    def __init_subclass__(cls, *, code: str, status: int | None = None) -> None:
        cls.code, cls.status = code, status or cls.status

    def __init__(self, problem: str, remedy: str, *, code: str = "", **facts: object) -> None:
        problem, remedy = name_command(problem), name_command(remedy)
        super().__init__(f"{problem} {remedy}")
        self.code = code or self.code
        self.problem = problem
        self.remedy = remedy
        self.facts: dict[str, Any] = facts
        self.status = int(str(facts.get("status", self.status)))

    def __reduce__(self) -> tuple[object, ...]:
        again = partial(type(self), self.problem, self.remedy, code=self.code, **self.facts)
        return again, ()


OTHER_CODES = {
    "device_unavailable": "The device of PETALSCOPE_DEVICE is not available. The message says why; "
    "`PETALSCOPE_DEVICE=auto` uses the devices that are.",
    "lesson_refused": "The files of a lesson are not valid. Compare them with the lesson "
    "“transfer”.",
    "prediction_missing": "The prediction is not in the log, or was deleted. Classify the photo "
    "again.",
    "run_going": "A run cannot be deleted while it is running. Stop it first.",
    "run_lost": "A run lost its worker three times. Free memory, then *Try again*: it resumes from "
    "its last epoch.",
    "too_many_photos": "A dataset has too many photos for an instant answer. Use a version "
    'with fewer photos; the strategy "Exact head" trains on any number.',
    "version_in_use": "The champion and the challenger cannot be deleted. Promote another version "
    "first.",
}
"""Code → what happened and what to do, for errors that no code catches by their class."""


# Datasets and photos


class BadIdentifier(PetalscopeError, code="bad_identifier"):
    """An id in a link or a command is not valid. Choose from the list."""


class DatasetMissing(PetalscopeError, code="dataset_missing"):
    """The workspace has no such dataset. Choose another one, or import it again."""


class SourceRefused(PetalscopeError, code="source_refused"):
    """The source has no photos, or fewer than two classes. Sort the photos into class folders."""


class LayoutUnclear(SourceRefused, code="layout_unclear"):
    """The folders of a source can be read in several ways. Choose one; the message lists them."""


class ArchiveRefused(SourceRefused, code="archive_refused"):
    """An archive is hostile, broken or too large; nothing was written. Create it again."""


class PredictionsRefused(PetalscopeError, code="predictions_refused"):
    """A table of predictions cannot be read, or can be read in several ways. The message says why,
    and names the choices."""


class ModelRefused(PetalscopeError, code="model_refused"):
    """A model of another program cannot be opened, or does not fit. The message says why, and what
    to export instead."""


class ImportFailed(PetalscopeError, code="import_failed"):
    """An import ended before the dataset was complete; nothing was saved. Start it again."""


class PhotoRefused(PetalscopeError, code="photo_refused", status=422):
    """A file is not a usable photo. Save it again as JPEG or PNG."""


class PhotoTooLarge(PhotoRefused, code="photo_too_large", status=413):
    """A photo has more bytes or pixels than the settings allow; it was not decoded. Make it
    smaller."""


class PhotoUnreadable(PhotoRefused, code="photo_unreadable"):
    """A file is empty, truncated, damaged or not an image. Save it again as JPEG or PNG."""


class EditRefused(PetalscopeError, code="edit_refused"):
    """An edit is not valid, or the edits of a dataset cannot be applied. The message says why."""


class TagRefused(PetalscopeError, code="tag_refused"):
    """The tag is not valid. Choose another name, or an existing tag."""


class QueryRefused(PetalscopeError, code="query_refused"):
    """A query of photos cannot be read. The message says where and why."""


class DatasetInUse(PetalscopeError, code="dataset_in_use"):
    """A dataset was not deleted, because runs or versions depend on it. The message lists them;
    `--force` deletes it anyway."""


class ExportRefused(PetalscopeError, code="export_refused"):
    """An export cannot be written to this path. Choose a new or empty folder."""


# Weights, recipes, runs, and the machine they run on


class WeightsMissing(PetalscopeError, code="weights_missing"):
    """The pretrained weights were not found, or the download failed. `python -m core weights
    --download`, or put the file there by hand: see training.md."""


class WeightsDamaged(PetalscopeError, code="weights_damaged"):
    """A weights file is truncated, altered or not ResNet-50 without its top. Fetch it again."""


class FeaturesMissing(PetalscopeError, code="features_missing"):
    """The features of a run are missing or were altered. `python -m core features DATASET`
    computes them again."""


class BackboneMissing(PetalscopeError, code="backbone_missing"):
    """The converted backbone of a run is missing or was altered. `python -m core features
    DATASET` converts it again."""


class NetworkUnsupported(BackboneMissing, code="network_unsupported"):
    """A run of an earlier version has a network that this version cannot compute. Its scores
    stay; train the recipe again for new photos."""


class RecipeRefused(PetalscopeError, code="recipe_refused"):
    """A recipe cannot be trained. The message names the setting and its range."""


class AugmentationRefused(PetalscopeError, code="augmentation_refused"):
    """An augmentation policy has a value out of range or an invalid name. The message says what
    is allowed."""


class RunMissing(PetalscopeError, code="run_missing"):
    """The workspace has no such run. Choose another one."""


class RunUnfinished(PetalscopeError, code="run_unfinished"):
    """The run has no result yet. Wait, or train the same recipe again."""


class RunStopped(PetalscopeError, code="run_stopped"):
    """A run was stopped before its first epoch, so it has no result. Train it again."""


class ResultDamaged(PetalscopeError, code="result_damaged"):
    """A file of a run or dataset was truncated or altered. Train or import again: the same
    recipe gives the same result."""


class RuleRefused(PetalscopeError, code="rule_refused"):
    """An answer rule has an invalid number, or no photos to choose it by. The message says
    which."""


class DiskFull(PetalscopeError, code="disk_full", status=503):
    """The disk is full. Free space, then try again."""


class DatabaseUnusable(PetalscopeError, code="database_unusable", status=503):
    """The index of the workspace is damaged, or empty although runs are on disk. `python -m
    core repair` rebuilds it from its copies and folders."""


class PlaceRefused(PetalscopeError, code="place_refused", status=503):
    """The system denies access to a path: a read-only disk, or another user's folder. Check its
    owner, or choose another workspace with `PETALSCOPE_WORKSPACE`."""


class ReadOnly(PlaceRefused, code="read_only"):
    """The workspace is read-only here. Ask its owner to make you an editor."""


class UnexpectedFault(PetalscopeError, code="bug"):
    """A bug in the program; the log of the run has the traceback. Report it."""


class SettingRefused(PetalscopeError, code="setting_refused"):
    """A variable PETALSCOPE_* has an invalid value or name. The message names the valid ones."""


class WorkspaceMissing(PetalscopeError, code="workspace_missing"):
    """The folder of the workspace was removed, or its disk is missing. Bring it back."""


class DownloadFailed(PetalscopeError, code="download_failed"):
    """A file could not be downloaded, or is not the expected one. Check the network and try
    again: it resumes where it stopped."""


class ClusterFailed(PetalscopeError, code="cluster_failed"):
    """The Ray cluster does not answer, or the work failed there. Start it, or unset
    PETALSCOPE_RAY_ADDRESS, and try again: finished work is cached."""


# Models in use: registry, API, log, monitoring, retraining, export


class VersionMissing(PetalscopeError, code="version_missing", status=404):
    """The registry has no version with this number, digest or alias. `python -m core promote
    --list` shows the versions."""


class VersionDamaged(PetalscopeError, code="version_damaged"):
    """A file of a model version was altered; if it is the champion, an earlier champion
    answers. Roll back, or register its run again."""


class PromotionRefused(PetalscopeError, code="promotion_refused"):
    """A version was not promoted: no reason, no comparison, or no significant gain. The message
    says which; `--override` with a reason promotes it anyway."""


class FeedbackRefused(PetalscopeError, code="feedback_refused", status=422):
    """Feedback on an answer, or its review, is not valid. The message says why."""


class RetrainingRefused(PetalscopeError, code="retraining_refused"):
    """A challenger cannot be trained or compared now. The message says why."""


class RequestRefused(PetalscopeError, code="request_refused"):
    """A request to the API has a wrong address, method, form or value. See `/openapi.json`."""


class RequestTooLarge(RequestRefused, code="request_too_large", status=413):
    """A request to the API is too large; the rest was not read. Send fewer or smaller photos."""


class KeyRefused(PetalscopeError, code="key_refused", status=401):
    """A request to the API has no valid key, or comes from an address that is not allowed. Send
    the key."""


class TooManyRequests(PetalscopeError, code="too_many_requests", status=429):
    """An address or key has sent too many photos in a minute. Wait for the time in
    `Retry-After`."""


class ServiceBusy(PetalscopeError, code="service_busy", status=503):
    """The API has reached its limit of waiting photos. Wait for the time in `Retry-After`."""


class ServiceNotReady(PetalscopeError, code="service_not_ready", status=503):
    """The API has no model version yet. Promote one; the API loads it automatically."""


def describe_os_error(error: OSError) -> PetalscopeError | None:
    """Return the error for a full disk or a path without access; None for other system errors."""
    file = f"“{error.filename}”" if error.filename else "A file"
    if error.errno in DISK_FULL_ERRNOS:
        return DiskFull(
            f"{file} could not be written: the disk is full.", "Free space, then try again."
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return PlaceRefused(
            f"{file} cannot be used: {os.strerror(error.errno)}.",
            "Check its owner and its disk, or choose another workspace with PETALSCOPE_WORKSPACE.",
        )
    return None

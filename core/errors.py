"""Every error the program raises on purpose.

Each has a stable `code`, a `problem` (what is wrong) and a `remedy` (what to do), both for people;
children carry the facts as attributes. Raised where the fact is known, caught at three edges: the
page, the command line or API, and the worker. Anything else is a bug and stays loud.
"""

import errno
from typing import ClassVar

from core.installed import name_command

DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when there is no room: disk, quota, or the limit on a file's size."""


class PetalscopeError(Exception):
    """Parent of all errors that are shown to a person."""

    code: ClassVar[str] = "error"

    def __init__(self, problem: str, remedy: str, **facts: object) -> None:
        problem, remedy = name_command(problem), name_command(remedy)
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.problem, self.remedy, self.facts))


def _rebuild(
    kind: type[PetalscopeError], problem: str, remedy: str, facts: dict[str, object]
) -> PetalscopeError:
    return kind(problem, remedy, **facts)


# Datasets and photos


class BadIdentifier(PetalscopeError):
    """An id from a link or a command line is not one of ours."""

    code = "bad_identifier"


class DatasetMissing(PetalscopeError):
    """No dataset of that id in the workspace."""

    code = "dataset_missing"


class SourceRefused(PetalscopeError):
    """A folder or archive cannot be imported as a dataset."""

    code = "source_refused"


class ArchiveRefused(SourceRefused):
    """An archive is hostile, broken or too large."""

    code = "archive_refused"


class ImportFailed(PetalscopeError):
    """An import ended before the dataset was complete."""

    code = "import_failed"


class PhotoRefused(PetalscopeError):
    """A file is not a photo that can be used."""

    code = "photo_refused"


class PhotoTooLarge(PhotoRefused):
    """A photo has more bytes or pixels than the settings allow; it was not decoded."""

    code = "photo_too_large"


class PhotoUnreadable(PhotoRefused):
    """A file is empty, not an image, truncated or damaged."""

    code = "photo_unreadable"


class EditRefused(PetalscopeError):
    """An edit cannot be noted, or the edits of a dataset cannot be applied."""

    code = "edit_refused"


class SelectionRefused(PetalscopeError):
    """Photos cannot be saved as a selection under that name."""

    code = "selection_refused"


class SelectionMissing(PetalscopeError):
    """No saved selection of that id, or its file was altered."""

    code = "selection_missing"


class DatasetInUse(PetalscopeError):
    """A dataset was not deleted: runs or other versions rest on it."""

    code = "dataset_in_use"


class ExportRefused(PetalscopeError):
    """A dataset cannot be written to that place."""

    code = "export_refused"


# Weights, recipes, runs, and the machine they run on


class WeightsMissing(PetalscopeError):
    """No pretrained weights were found and they could not be downloaded."""

    code = "weights_missing"


class WeightsDamaged(PetalscopeError):
    """A weights file is truncated, altered or not ResNet-50 without its top."""

    code = "weights_damaged"


class FeaturesMissing(PetalscopeError):
    """The features behind a run's scores are not in the workspace, or were altered."""

    code = "features_missing"


class BackboneMissing(PetalscopeError):
    """The converted backbone of a run is not in the workspace or was altered."""

    code = "backbone_missing"


class RecipeRefused(PetalscopeError):
    """A recipe asks for something that cannot be trained."""

    code = "recipe_refused"


class AugmentationRefused(PetalscopeError):
    """An augmentation policy has a part that is not allowed."""

    code = "augmentation_refused"


class RunMissing(PetalscopeError):
    """No run of that id in the workspace."""

    code = "run_missing"


class RunUnfinished(PetalscopeError):
    """The run has no result yet."""

    code = "run_unfinished"


class RunStopped(PetalscopeError):
    """A run was stopped before its first epoch, so there is nothing to keep."""

    code = "run_stopped"


class ResultDamaged(PetalscopeError):
    """A file of a run was cut short or altered."""

    code = "result_damaged"


class RuleRefused(PetalscopeError):
    """A rule for when to answer has a number that is not allowed, or nothing to rest on."""

    code = "rule_refused"


class DeviceUnavailable(PetalscopeError):
    """The device that was asked for is not there."""

    code = "device_unavailable"


class DiskFull(PetalscopeError):
    """There is no room left for what had to be written."""

    code = "disk_full"


class RunGoing(PetalscopeError):
    """Something was asked of a run that cannot be done while a worker has it."""

    code = "run_going"


class RunLost(PetalscopeError):
    """A run lost its worker more often than it is tried again by itself."""

    code = "run_lost"


class UnexpectedFault(PetalscopeError):
    """A run ended in a mistake of the program; the traceback stands in its log."""

    code = "bug"


class SettingRefused(PetalscopeError):
    """An environment variable PETALSCOPE_* has a value that is not allowed."""

    code = "setting_refused"


class ExtraMissing(PetalscopeError):
    """Something was asked for that needs an optional package, which is not installed."""

    code = "extra_missing"


class DownloadFailed(PetalscopeError):
    """A file could not be fetched from the network, or is not the one that was asked for."""

    code = "download_failed"


# Models in use: registry, API, log, monitoring, retraining, export


class VersionMissing(PetalscopeError):
    """No model version of that number, digest or alias is registered."""

    code = "version_missing"


class VersionDamaged(PetalscopeError):
    """A file of a registered version, or what is written of it, was cut short or altered."""

    code = "version_damaged"


class VersionInUse(PetalscopeError):
    """A model version was not deleted: it answers, or challenges the one that does."""

    code = "version_in_use"


class PromotionRefused(PetalscopeError):
    """A version does not become champion: no reason, no evidence, or evidence that does not fit."""

    code = "promotion_refused"


class PredictionMissing(PetalscopeError):
    """No prediction of that id is in the log (any more)."""

    code = "prediction_missing"


class FeedbackRefused(PetalscopeError):
    """What a person says of an answer, or a review of it, cannot be taken."""

    code = "feedback_refused"


class RetrainingRefused(PetalscopeError):
    """A challenger cannot be trained, or not compared with the champion, as things stand."""

    code = "retraining_refused"


class RequestRefused(PetalscopeError):
    """A request to the API has the wrong address, method, form or values."""

    code = "request_refused"


class RequestTooLarge(RequestRefused):
    """A request to the API has more bytes than are taken; the rest was not read."""

    code = "request_too_large"


class KeyRefused(PetalscopeError):
    """A request to the API came without the right key, or from where none opens the door."""

    code = "key_refused"


class TooManyRequests(PetalscopeError):
    """One address has sent more photos in a minute than it may."""

    code = "too_many_requests"


class ServiceBusy(PetalscopeError):
    """The API holds as many photos as it may; the same request will do in a moment."""

    code = "service_busy"


class ServiceNotReady(PetalscopeError):
    """The API has no version of a model to answer with."""

    code = "service_not_ready"


class ExportFailed(PetalscopeError):
    """A file of an exported model does not answer like the program; nothing was kept of it."""

    code = "export_failed"


class ExportMissing(PetalscopeError):
    """There is no export of that id in the workspace."""

    code = "export_missing"


class WatchRefused(PetalscopeError):
    """A rule of the monitoring, as it was typed, cannot be kept."""

    code = "watch_refused"


class WebhookRefused(PetalscopeError):
    """The address for alarms is none that this program calls: not https, or not a public one."""

    code = "webhook_refused"


class WebhookFailed(PetalscopeError):
    """The address for alarms was called and did not take the message."""

    code = "webhook_failed"

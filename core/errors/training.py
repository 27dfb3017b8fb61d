"""Weights, recipes, runs, and the machine they run on."""

import errno

from core.errors.base import PetalscopeError

DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when there is no room: disk, quota, or the limit on a file's size."""


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


class BenchmarkFailed(PetalscopeError):
    """A measurement could not be made."""

    code = "benchmark_failed"


class SettingRefused(PetalscopeError):
    """An environment variable PETALSCOPE_* has a value that is not allowed."""

    code = "setting_refused"


class ExtraMissing(PetalscopeError):
    """Something was asked for that needs an optional package, which is not installed."""

    code = "extra_missing"


class DownloadFailed(PetalscopeError):
    """A file could not be fetched from the network, or is not the one that was asked for."""

    code = "download_failed"

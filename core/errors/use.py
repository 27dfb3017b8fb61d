"""Models in use: the registry, the API, the log, monitoring, retraining and export."""

from core.errors.base import PetalscopeError


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

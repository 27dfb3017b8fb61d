"""Datasets, photos and what people do with them."""

from core.errors.base import PetalscopeError


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

"""Photos out of requests: as a form with files, or as the body itself.

Sizes and the kind of file (by content, never by name) are checked before anything is decoded.
"""

from dataclasses import dataclass

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from core.config import Settings
from core.errors import PhotoTooLarge, PhotoUnreadable, RequestRefused
from data.images import find_phone_format

MOST_PHOTOS = 64
FORMATS = "JPEG, PNG, WEBP, HEIC, AVIF or BMP"

_MEGABYTE = 1_000_000
_FORM_OVERHEAD = 100_000
"""Room for the parts' own headers; with it, a photo of exactly the limit still comes in."""
_BATCH_MEGABYTES = 256
_CHARSETS = (b"", b"utf-8", b"us-ascii", b"iso-8859-1")
"""Of names of files. Others of Python's codecs raise what a form's reader does not expect, or give
letters that JSON does not have."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file as it was sent."""

    name: str
    content: bytes


def limit_body(route: str, settings: Settings) -> int:
    """Return how many bytes a request to this route may have."""
    photo = settings.api_photo_limit_mb * _MEGABYTE
    if route == "/v1/predict/batch":
        return max(_BATCH_MEGABYTES * _MEGABYTE, photo) + _FORM_OVERHEAD
    if route == "/v1/feedback":
        return photo * 4 // 3 + _FORM_OVERHEAD
    return photo + _FORM_OVERHEAD


async def read_photo(request: Request) -> Upload:
    """Return the one photo of a request.

    Raises:
        RequestRefused: The request has no photo, or more than one.
    """
    if not _is_form(request):
        _check_kind(request)
        return Upload(name="", content=await request.body())
    async with request.form(max_files=2, max_fields=8) as form:
        files = _list_files(form, "photo")
        if len(files) != 1:
            raise RequestRefused(
                f"The form has {len(files)} files in its field “photo”; it takes one.",
                "Send one photo, or several to /v1/predict/batch.",
                status=422,
            )
        return await _read(files[0])


async def read_photos(request: Request) -> list[Upload]:
    """Return the photos of a batch, 1 to 64, in the order they were sent.

    Raises:
        RequestRefused: The request is no form, has no photo, or too many.
    """
    if not _is_form(request):
        raise RequestRefused(
            "A batch is sent as a form (multipart/form-data).",
            "Put each photo into a field “photos”.",
            status=415,
        )
    async with request.form(max_files=MOST_PHOTOS + 1, max_fields=8) as form:
        files = _list_files(form, "photos")
        if not 1 <= len(files) <= MOST_PHOTOS:
            raise RequestRefused(
                f"The form has {len(files)} files in its field “photos”.",
                f"Send 1 to {MOST_PHOTOS}, each in a field “photos”.",
                status=422,
            )
        return [await _read(file) for file in files]


def check_upload(content: bytes, limit_mb: int) -> None:
    """Check that the bytes may be a photo that is accepted. Nothing is decoded.

    Raises:
        PhotoTooLarge: It has more bytes than are taken.
        PhotoUnreadable: Empty, or none of the formats, by content.
    """
    if len(content) > limit_mb * _MEGABYTE:
        raise PhotoTooLarge(
            f"The photo has {len(content) / _MEGABYTE:.1f} MB; {limit_mb} are taken.",
            "Make it smaller, or raise PETALSCOPE_API_PHOTO_LIMIT_MB where the API runs.",
            limit_mb=limit_mb,
        )
    if not content:
        raise PhotoUnreadable("The file is empty (0 bytes).", "Send the photo's bytes.")
    if not _is_known(content):
        raise PhotoUnreadable(
            "This is not a picture in a format that is taken.", f"Send {FORMATS}.", status=415
        )


def _is_known(content: bytes) -> bool:
    if content[:4] == b"RIFF":
        return content[8:12] == b"WEBP"
    known = content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM"))
    return known or find_phone_format(content) is not None


def _is_form(request: Request) -> bool:
    if media_type(request) != "multipart/form-data":
        return False
    # The same reader as Starlette's, so that both see the same value.
    charset = parse_options_header(request.headers["content-type"])[1].get(b"charset", b"")
    if charset.lower() not in _CHARSETS:
        raise RequestRefused(
            "The form is in a charset that is not taken.", "Send it in UTF-8.", status=415
        )
    return True


def _check_kind(request: Request) -> None:
    kind = media_type(request)
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise RequestRefused(
            f"A request of the type “{kind[:80]}” holds no photo."
            if kind
            else "The request does not say what it holds.",
            "Send a form (multipart/form-data) with the field “photo”, or the photo itself as "
            "image/jpeg, image/png, image/webp, image/heic, image/avif or image/bmp.",
            status=415,
        )


def media_type(request: Request) -> str:
    """Return the content type of a request, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _list_files(form: FormData, field: str) -> list[UploadFile]:
    return [value for value in form.getlist(field) if isinstance(value, UploadFile)]


async def _read(file: UploadFile) -> Upload:
    return Upload(name=(file.filename or "")[:200], content=await file.read())

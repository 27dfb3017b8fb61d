"""Photos out of requests: as a form with files, or as the body itself.

Sizes and the kind of file (by content, never by name) are checked before anything is decoded.
"""

from typing import NamedTuple

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.requests import Request

from core.config import Settings
from core.errors import PhotoTooLarge, PhotoUnreadable, RequestRefused
from data.images import find_phone_format

MOST_PHOTOS = 64
FORMATS = "JPEG, PNG, WEBP, HEIC, AVIF or BMP"

_MEGABYTE = 1_000_000
_FORM_OVERHEAD = 100_000
"""Bytes for the headers of the parts: a photo of exactly the limit still fits."""
_BATCH_MEGABYTES = 256
_CHARSETS = (b"", b"utf-8", b"us-ascii", b"iso-8859-1")
"""Of file names. Other codecs of Python raise errors that the reader of a form does not expect, or
give letters that JSON does not have."""


class Upload(NamedTuple):
    """A file as it was sent."""

    name: str
    content: bytes


def limit_body(route: str, settings: Settings) -> int:
    """Return how many bytes a request to this route may have."""
    photo = settings.api_photo_limit_mb * _MEGABYTE
    if route == "/v1/predict/batch":
        return max(_BATCH_MEGABYTES * _MEGABYTE, photo) + _FORM_OVERHEAD
    if route == "/v1/feedback":
        return photo * 4 // 3 + _FORM_OVERHEAD  # base64
    return photo + _FORM_OVERHEAD


async def read_photo(request: Request) -> Upload:
    """Return the one photo of a request."""
    kind = read_kind(request)
    if kind == "multipart/form-data":
        return (await _read_form(request, "photo", 1))[0]
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise RequestRefused(
            f"A request of the type “{kind[:80]}” holds no photo."
            if kind
            else "The request has no content type.",
            "Send a form (multipart/form-data) with the field “photo”, or the photo itself as "
            "image/jpeg, image/png, image/webp, image/heic, image/avif or image/bmp.",
            status=415,
        )
    return Upload("", await request.body())


async def read_photos(request: Request) -> list[Upload]:
    """Return the photos of a batch, 1 to 64, in the order they were sent."""
    if read_kind(request) != "multipart/form-data":
        raise RequestRefused(
            "A batch is sent as a form (multipart/form-data).",
            "Put each photo into a field “photos”.",
            status=415,
        )
    return await _read_form(request, "photos", MOST_PHOTOS)


async def _read_form(request: Request, field: str, most: int) -> list[Upload]:
    """Return the files in a field of a form."""
    # The same reader as Starlette's, so that both see the same charset.
    charset = parse_options_header(request.headers["content-type"])[1].get(b"charset", b"")
    if charset.lower() not in _CHARSETS:
        raise RequestRefused(
            "The charset of the form is not supported.", "Send it in UTF-8.", status=415
        )
    async with request.form(max_files=most + 1, max_fields=8) as form:
        files = [value for value in form.getlist(field) if isinstance(value, UploadFile)]
        if not 1 <= len(files) <= most:
            raise RequestRefused(
                f"The form has {len(files)} files in its field “{field}”.",
                "Send one photo, or several to /v1/predict/batch."
                if most == 1
                else f"Send 1 to {most}, each in a field “{field}”.",
                status=422,
            )
        return [Upload((file.filename or "")[:200], await file.read()) for file in files]


def read_kind(request: Request) -> str:
    """Return the content type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_upload(content: bytes, limit_mb: int) -> None:
    """Check size and format of a file, without decoding it."""
    if len(content) > limit_mb * _MEGABYTE:
        raise PhotoTooLarge(
            f"The photo has {len(content) / _MEGABYTE:.1f} MB; the limit is {limit_mb} MB.",
            "Make it smaller, or raise PETALSCOPE_API_PHOTO_LIMIT_MB where the API runs.",
            limit_mb=limit_mb,
        )
    if not content:
        raise PhotoUnreadable("The file is empty (0 bytes).", "Send the photo's bytes.")
    starts = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM")
    is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    if not (is_webp or content.startswith(starts) or find_phone_format(content)):
        raise PhotoUnreadable("Unsupported file format.", f"Send {FORMATS}.", status=415)

"""What the OpenAPI document says of bodies that are read by hand, and of refusals."""

from typing import Any

from core.serving.schemas import FeedbackGiven, ProblemDocument

_DESCRIPTIONS = {
    400: "The request cannot be read",
    401: "The key is missing or wrong",
    403: "Without a key only this machine is answered",
    404: "There is nothing of that name",
    408: "The body did not end in time",
    413: "Too many bytes or pixels; nothing was decoded",
    415: "Not a type that is taken",
    422: "The photo is damaged, or a value cannot be used",
    429: "Too many photos in a minute",
    503: "The queue is full, or no version serves yet",
}
_RETRY = {
    "Retry-After": {
        "description": "seconds after which it may be sent again",
        "schema": {"type": "integer"},
    }
}
_MOST = "up to 10 MB and 40 megapixels, unless the settings of the API say otherwise"
_BINARY = {"type": "string", "format": "binary"}

PHOTO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["photo"],
                    "properties": {"photo": {**_BINARY, "description": _MOST}},
                }
            },
            **{
                kind: {"schema": _BINARY}
                for kind in ("image/jpeg", "image/png", "image/webp", "image/bmp")
            },
        },
    }
}
BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["photos"],
                    "properties": {
                        "photos": {
                            "type": "array",
                            "items": _BINARY,
                            "minItems": 1,
                            "maxItems": 64,
                        }
                    },
                }
            }
        },
    }
}
FEEDBACK_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": FeedbackGiven.model_json_schema()}},
    }
}


def describe_refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Returns what the document says of answers with these statuses: all have the one shape."""
    return {
        status: {
            "model": ProblemDocument,
            "description": _DESCRIPTIONS[status],
            **({"headers": _RETRY} if status in (429, 503) else {}),
        }
        for status in statuses
    }

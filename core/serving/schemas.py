"""Requests and answers of the API, as its OpenAPI document describes them.

Programs rely on the names of fields: add to them, but never rename one.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

_EXAMPLE: dict[str, Any] = {
    "request_id": "0f4d6f0c5f0e4d0c9a54a0f6a4f3f2b1",
    "prediction_id": "9f0c2f5e6d1b4c50a7b3c8d9e0f1a2b3",
    "kind": "answer",
    "unknown": False,
    "text": "Most likely a tulip (92 %); possibly a rose (6 %).",
    "top": [{"class_name": "tulip", "score": 0.92}, {"class_name": "rose", "score": 0.06}],
    "threshold": 0.61,
    "model": {
        "version": "v3",
        "digest": "5d0c6a2f7e4b1d3c8a9f0e1d2c3b4a5968778695a4b3c2d1e0f1a2b3c4d5e6f7",
        "run_id": "f4f8e0d9edc6b5bf",
        "dataset_id": "15ec4e559f5560da",
    },
    "photo": {
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "format": "JPEG",
        "width": 500,
        "height": 375,
        "bytes": 104211,
    },
    "latency": {"total_ms": 24.1, "decoding_ms": 3.2, "waiting_ms": 0.4, "model_ms": 20.5},
}
_PROBLEM: dict[str, Any] = {
    "error": {
        "code": "photo_unreadable",
        "problem": "The picture is cut short or damaged.",
        "remedy": "Copy or export it again.",
        "request_id": _EXAMPLE["request_id"],
    }
}


class Schema(BaseModel):
    """Parent of all: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class ClassScore(Schema):
    """A class and its score."""

    class_name: str
    score: float = Field(ge=0, le=1, description="calibrated, where the version has a rule")


class ModelName(Schema):
    """The version that gave an answer, and the photos it was trained on."""

    version: str = Field(description="as in “v3”")
    digest: str = Field(description="SHA-256 over all of the version's files and its rule")
    run_id: str
    dataset_id: str = Field(description="version of the dataset it was trained on")


class PhotoSeen(Schema):
    """The photo as received."""

    sha256: str
    format: str
    width: int = Field(description="in pixels, upright as its EXIF data says")
    height: int
    bytes: int
    note: str = Field(description="what differs from the file as read, or empty")


class Latency(Schema):
    """Milliseconds from the last byte of the request to the answer, and their parts."""

    total_ms: float = Field(
        description="sum of the parts; in a batch request, waiting is not counted"
    )
    decoding_ms: float
    waiting_ms: float = Field(description="for other photos")
    model_ms: float = Field(description="an equal share for photos that are answered together")


class Answer(Schema):
    """The answer for one photo."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    request_id: str
    prediction_id: str = Field(description="name it in /v1/feedback")
    kind: Literal["answer", "unsure", "unlike"] = Field(
        description="unsure: below the threshold; unlike: unlike all training photos"
    )
    unknown: bool = Field(description="whether the model does not know: the kind is not “answer”")
    text: str = Field(description="the answer in plain words")
    top: list[ClassScore] = Field(description="the best classes, best first")
    threshold: float | None = Field(description="least score for an answer; null: no rule")
    model: ModelName
    photo: PhotoSeen
    latency: Latency


class Problem(Schema):
    """The problem and its remedy."""

    code: str = Field(description="stable, for programs")
    problem: str
    remedy: str
    request_id: str


class ProblemDocument(Schema):
    """The shape of all errors."""

    model_config = ConfigDict(json_schema_extra={"example": _PROBLEM})

    error: Problem


class BatchItem(Schema):
    """One photo of a batch: an answer or an error."""

    name: str = Field(description="file name of the photo, as sent")
    answer: Answer | None = None
    error: Problem | None = None


class BatchAnswer(Schema):
    """The photos in the order they were sent."""

    request_id: str
    answered: int
    refused: int
    items: list[BatchItem]


class Version(Schema):
    """A registered version."""

    version: str
    name: str
    aliases: list[str]
    serving: bool = Field(description="whether it gives the answers now")
    digest: str
    run_id: str
    dataset_id: str
    classes: list[str]
    registered: datetime


class Versions(Schema):
    """All registered versions, newest first."""

    models: list[Version]


class FeedbackGiven(Schema):
    """The class that a photo really shows, as a person reports it."""

    prediction_id: str = Field(
        min_length=1, max_length=64, pattern=r"^[0-9a-zA-Z-]+$", description="of the answer"
    )
    class_name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")
    note: str = Field("", max_length=2000, pattern=r"^[^\x00]*$")
    photo_base64: Base64Bytes | None = Field(
        None, description="the same photo again, to be stored for the review"
    )


class FeedbackKept(Schema):
    """The feedback as recorded."""

    request_id: str
    prediction_id: str
    was_right: bool
    class_name: str
    state: str = Field(description="waiting: a person reviews it before it is used")


class Alive(Schema):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(Schema):
    """Whether photos are answered, and by which version."""

    status: Literal["ready", "degraded", "not_ready"] = Field(
        description="degraded: an earlier version answers instead of the champion"
    )
    version: str | None
    champion: str | None
    problem: str = ""
    remedy: str = ""
    photos_waiting: int
    queue: int
    log_waiting: int
    log_lost: int = Field(description="answers missing in the prediction log")

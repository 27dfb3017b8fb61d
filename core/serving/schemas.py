"""What the API takes and answers, as its OpenAPI document says it.

Field names are part of the contract with programs: they are added to, never renamed.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_REQUEST = "0f4d6f0c5f0e4d0c9a54a0f6a4f3f2b1"
_PREDICTION = "9f0c2f5e6d1b4c50a7b3c8d9e0f1a2b3"
_DIGEST = "5d0c6a2f7e4b1d3c8a9f0e1d2c3b4a5968778695a4b3c2d1e0f1a2b3c4d5e6f7"

_MODEL: dict[str, Any] = {
    "version": "v3",
    "digest": _DIGEST,
    "run_id": "f4f8e0d9edc6b5bf",
    "dataset_id": "15ec4e559f5560da",
}

_ANSWER: dict[str, Any] = {
    "request_id": _REQUEST,
    "prediction_id": _PREDICTION,
    "kind": "answer",
    "unknown": False,
    "text": "Most likely a tulip (92 %); possibly a rose (6 %).",
    "top": [
        {"class_name": "tulip", "score": 0.92},
        {"class_name": "rose", "score": 0.06},
        {"class_name": "daisy", "score": 0.02},
    ],
    "threshold": 0.61,
    "model": _MODEL,
    "photo": {
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "format": "JPEG",
        "width": 500,
        "height": 375,
        "bytes": 104211,
    },
    "latency": {"total_ms": 24.1, "decoding_ms": 3.2, "waiting_ms": 0.4, "model_ms": 19.8},
}

_PROBLEM: dict[str, Any] = {
    "error": {
        "code": "photo_unreadable",
        "problem": "The picture is cut short or damaged.",
        "remedy": "Copy or export it again.",
        "request_id": _REQUEST,
    }
}

_BATCH: dict[str, Any] = {
    "request_id": _REQUEST,
    "answered": 1,
    "refused": 1,
    "items": [
        {"name": "tulip.jpg", "answer": _ANSWER, "error": None},
        {"name": "notes.txt", "answer": None, "error": _PROBLEM["error"]},
    ],
}

_VERSION: dict[str, Any] = {
    "version": "v3",
    "name": "flowers, reviewed in May",
    "aliases": ["champion"],
    "serving": True,
    "digest": _DIGEST,
    "run_id": "f4f8e0d9edc6b5bf",
    "dataset_id": "15ec4e559f5560da",
    "classes": ["daisy", "rose", "tulip"],
    "registered": "2026-05-04T09:30:00Z",
}

_FEEDBACK_GIVEN: dict[str, Any] = {
    "prediction_id": _PREDICTION,
    "class_name": "rose",
    "note": "the pink one in front",
}

_FEEDBACK_KEPT: dict[str, Any] = {
    "request_id": _REQUEST,
    "prediction_id": _PREDICTION,
    "was_right": False,
    "class_name": "rose",
    "state": "waiting",
}

_READINESS: dict[str, Any] = {
    "status": "ready",
    "version": "v3",
    "champion": "v3",
    "problem": "",
    "remedy": "",
    "photos_waiting": 2,
    "queue": 64,
    "log_waiting": 0,
    "log_lost": 0,
}
"""Examples for the document: one photo, followed from its answer to its feedback."""


class Schema(BaseModel):
    """Parent of all: nothing unknown is taken without a word."""

    model_config = ConfigDict(extra="forbid")


class ClassScore(Schema):
    """A class and its score."""

    class_name: str
    score: float = Field(ge=0, le=1, description="calibrated, where the version has a rule")


class ModelName(Schema):
    """The one version that gave an answer, and the photos it learnt from."""

    version: str = Field(description="as in “v3”")
    digest: str = Field(description="SHA-256 over all of the version's files and its rule")
    run_id: str
    dataset_id: str = Field(description="version of the dataset it was trained on")


class PhotoSeen(Schema):
    """The photo as it was received."""

    sha256: str
    format: str
    width: int = Field(description="in pixels, upright as its EXIF data says")
    height: int
    bytes: int


class Latency(Schema):
    """Milliseconds from the last byte of the request to the answer, and their parts."""

    total_ms: float = Field(description="of a photo in a batch: from its turn on")
    decoding_ms: float
    waiting_ms: float = Field(description="for the batch to be filled and for its turn")
    model_ms: float = Field(description="of the whole batch that the photo was in")


class Answer(Schema):
    """What the model says of one photo."""

    model_config = ConfigDict(json_schema_extra={"example": _ANSWER})

    request_id: str
    prediction_id: str = Field(description="name it in /v1/feedback")
    kind: Literal["answer", "unsure", "unlike"] = Field(
        description="unsure: below the threshold; unlike: not like anything in training"
    )
    unknown: bool = Field(description="whether the model does not know: kind is not “answer”")
    text: str = Field(description="the answer in plain words")
    top: list[ClassScore] = Field(description="the best classes, best first")
    threshold: float | None = Field(description="what the best score had to reach; null: no rule")
    model: ModelName
    photo: PhotoSeen
    latency: Latency


class Problem(Schema):
    """What is wrong and what to do."""

    code: str = Field(description="stays the same, for programs")
    problem: str
    remedy: str
    request_id: str


class ProblemDocument(Schema):
    """Every answer that is not one: the same shape for all."""

    model_config = ConfigDict(json_schema_extra={"example": _PROBLEM})

    error: Problem


class BatchItem(Schema):
    """One photo of a batch: an answer or what is wrong with it."""

    name: str = Field(description="file name that was sent with the photo")
    answer: Answer | None = None
    error: Problem | None = None


class BatchAnswer(Schema):
    """The photos in the order they were sent; a bad one does not spoil the others."""

    model_config = ConfigDict(json_schema_extra={"example": _BATCH})

    request_id: str
    answered: int
    refused: int
    items: list[BatchItem]


class Version(Schema):
    """A registered version."""

    model_config = ConfigDict(json_schema_extra={"example": _VERSION})

    version: str
    name: str
    aliases: list[str]
    serving: bool = Field(description="whether the answers come from it now")
    digest: str
    run_id: str
    dataset_id: str
    classes: list[str]
    registered: datetime


class Versions(Schema):
    """All registered versions, newest first."""

    models: list[Version]


class FeedbackGiven(Schema):
    """What a person says a photo really shows."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _FEEDBACK_GIVEN})

    prediction_id: str = Field(
        min_length=1, max_length=64, pattern=r"^[0-9a-zA-Z-]+$", description="of the answer"
    )
    class_name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")
    note: str = Field("", max_length=2000, pattern=r"^[^\x00]*$")
    photo_base64: str | None = Field(
        None, description="the same photo once more: it is then kept here for the review"
    )


class FeedbackKept(Schema):
    """What became of it."""

    model_config = ConfigDict(json_schema_extra={"example": _FEEDBACK_KEPT})

    request_id: str
    prediction_id: str
    was_right: bool
    class_name: str
    state: str = Field(description="waiting: a person reviews it before it is learnt from")


class Alive(Schema):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(Schema):
    """Whether photos are answered, and by what."""

    model_config = ConfigDict(json_schema_extra={"example": _READINESS})

    status: Literal["ready", "degraded", "not_ready"] = Field(
        description="degraded: answers come, but not from the champion that was promoted"
    )
    version: str | None
    champion: str | None
    problem: str = ""
    remedy: str = ""
    photos_waiting: int
    queue: int
    log_waiting: int
    log_lost: int = Field(description="answers whose line in the prediction log was given up")

"""What the API takes and answers, as its OpenAPI document says it.

Field names are part of the contract with programs: they are added to, never renamed.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from core.serving import examples


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

    model_config = ConfigDict(json_schema_extra={"example": examples.ANSWER})

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

    model_config = ConfigDict(json_schema_extra={"example": examples.PROBLEM})

    error: Problem


class BatchItem(Schema):
    """One photo of a batch: an answer or what is wrong with it."""

    name: str = Field(description="file name that was sent with the photo")
    answer: Answer | None = None
    error: Problem | None = None


class BatchAnswer(Schema):
    """The photos in the order they were sent; a bad one does not spoil the others."""

    model_config = ConfigDict(json_schema_extra={"example": examples.BATCH})

    request_id: str
    answered: int
    refused: int
    items: list[BatchItem]


class Version(Schema):
    """A registered version."""

    model_config = ConfigDict(json_schema_extra={"example": examples.VERSION})

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

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": examples.FEEDBACK_GIVEN}
    )

    prediction_id: str = Field(
        min_length=1, max_length=64, pattern=r"^[0-9a-zA-Z-]+$", description="of the answer"
    )
    class_name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")
    note: str = Field("", max_length=2000, pattern=r"^[^\x00]*$")
    photo_base64: str | None = Field(
        None,
        description="the same photo once more: it is then kept here for the review",
    )


class FeedbackKept(Schema):
    """What became of it."""

    model_config = ConfigDict(json_schema_extra={"example": examples.FEEDBACK_KEPT})

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

    model_config = ConfigDict(json_schema_extra={"example": examples.READINESS})

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

"""The addresses: predict, batch, models, feedback, health, metrics."""

import asyncio
import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from core.errors import RequestRefused
from core.monitoring.feedback import Feedback, give_feedback
from core.registry.store import ModelVersion, find_version, list_versions, read_aliases
from core.serving import schemas
from core.serving.figures import CONTENT_TYPE
from core.serving.problems import (
    BATCH_BODY,
    FEEDBACK_BODY,
    PHOTO_BODY,
    describe_refusals,
    find_request_id,
)
from core.serving.service import Service
from core.serving.uploads import media_type, read_photo, read_photos

router = APIRouter()

_FLUSH_S = 5.0

Alias = Annotated[
    str, Path(min_length=1, max_length=64, pattern="^[0-9A-Za-z]+$", examples=["champion", "v3"])
]
Top = Annotated[int, Query(ge=1, le=200, description="how many classes each answer names")]


def find_service(request: Request) -> Service:
    """Return the parts behind the addresses."""
    service: Service = request.app.state.service
    return service


def find_client(request: Request) -> str:
    """Return the address that the request came from."""
    return request.client.host if request.client else ""


def note(request: Request, **facts: object) -> None:
    """Add facts to this request's line in the log."""
    request.scope["noted"] = facts


def answer_json(document: BaseModel, status: int = 200) -> Response:
    """Return the document as the body of an answer."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return Response(document.model_dump_json(), status, headers, "application/json")


@router.post(
    "/v1/predict",
    summary="Classify one photo",
    operation_id="predict",
    response_model=schemas.Answer,
    responses=describe_refusals(400, 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=PHOTO_BODY,
)
async def predict(request: Request, top: Top = 5) -> Response:
    """Send a JPEG, PNG, WEBP, HEIC, AVIF or BMP, as a form (field `photo`) or as the body itself.

    `unknown` is true where the model does not know: its best score is below its threshold
    (`unsure`), or the photo is like nothing in its training (`unlike`).
    """
    service = find_service(request)
    upload = await read_photo(request)
    request_id, client = find_request_id(request), find_client(request)
    answer = await service.answers.answer(upload, request_id=request_id, client=client, top=top)
    note(request, version=answer.model.version, photos=1, kind=answer.kind)
    return answer_json(answer)


@router.post(
    "/v1/predict/batch",
    summary="Classify up to 64 photos",
    operation_id="predictBatch",
    response_model=schemas.BatchAnswer,
    responses=describe_refusals(400, 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=BATCH_BODY,
)
async def predict_batch(request: Request, top: Top = 5) -> Response:
    """Send a form with up to 64 files, each in a field `photos`.

    Every photo has an answer or an error of its own, in the order they were sent.
    """
    service = find_service(request)
    async with service.open_batch():
        uploads = await read_photos(request)
        request.scope["check_batch"](len(uploads))
        request_id, client = find_request_id(request), find_client(request)
        items = await service.answers.answer_batch(
            uploads, request_id=request_id, client=client, top=top
        )
    answered = sum(item.answer is not None for item in items)
    versions = sorted({item.answer.model.version for item in items if item.answer})
    note(request, version=",".join(versions), photos=len(items), refused=len(items) - answered)
    return answer_json(
        schemas.BatchAnswer(
            request_id=request_id, answered=answered, refused=len(items) - answered, items=items
        )
    )


@router.get(
    "/v1/models",
    summary="All registered versions",
    operation_id="listModels",
    response_model=schemas.Versions,
    responses=describe_refusals(401, 403, 429, 503),
)
async def list_models(request: Request) -> Response:
    """Newest first; `aliases` says which is champion and which challenger."""
    service = find_service(request)
    versions = await asyncio.to_thread(list_versions, service.workspace)
    return answer_json(schemas.Versions(models=await _describe_all(service, versions)))


@router.get(
    "/v1/models/{alias}",
    summary="One version",
    operation_id="findModel",
    response_model=schemas.Version,
    responses=describe_refusals(401, 403, 404, 422, 429, 503),
)
async def find_model(request: Request, alias: Alias) -> Response:
    """Named by `champion`, `challenger`, its number (`v3`) or the start of its digest."""
    service = find_service(request)
    version = await asyncio.to_thread(find_version, service.workspace, alias)
    return answer_json((await _describe_all(service, [version]))[0])


async def _describe_all(service: Service, versions: list[ModelVersion]) -> list[schemas.Version]:
    aliases = await asyncio.to_thread(read_aliases, service.workspace)
    serving = service.switcher.find_model()
    return [
        schemas.Version(
            version=version.label,
            name=version.name,
            aliases=[name for name, number in aliases.items() if number == version.number],
            serving=serving is not None and serving.version.number == version.number,
            digest=version.digest,
            run_id=version.run_id,
            dataset_id=version.dataset_id,
            classes=list(version.classes),
            registered=version.created,
        )
        for version in versions
    ]


@router.post(
    "/v1/feedback",
    summary="Say what a photo really shows",
    operation_id="giveFeedback",
    status_code=201,
    response_model=schemas.FeedbackKept,
    responses=describe_refusals(400, 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=FEEDBACK_BODY,
)
async def give(request: Request) -> Response:
    """What a person says goes to the review inbox; nothing is learnt from before a review.

    With `photo_base64`, the photo of that answer is kept for the review; else only what was said.
    """
    service = find_service(request)
    given = await _read_feedback(request)
    photo = _decode_base64(given.photo_base64)
    feedback = await asyncio.to_thread(_give, service, given, photo, find_client(request))
    kept = schemas.FeedbackKept(
        request_id=find_request_id(request),
        prediction_id=given.prediction_id,
        was_right=feedback.was_right,
        class_name=feedback.class_name,
        state=feedback.state,
    )
    return answer_json(kept, 201)


async def _read_feedback(request: Request) -> schemas.FeedbackGiven:
    if media_type(request) != "application/json":  # which a form on a strange web page cannot send
        raise RequestRefused(
            "Feedback is sent as application/json.", "See /openapi.json for its form.", status=415
        )
    try:
        return schemas.FeedbackGiven.model_validate_json(await request.body())
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])[:120] or "the document"
        raise RequestRefused(
            f"The value of {place} cannot be used: {fault['msg'][:200]}.",
            "See /openapi.json for what is allowed.",
            status=400 if fault["type"] == "json_invalid" else 422,
        ) from error


def _decode_base64(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestRefused(
            "The value of photo_base64 is not base64.", "Encode the photo's bytes.", status=422
        ) from error


def _give(
    service: Service, given: schemas.FeedbackGiven, photo: bytes | None, client: str
) -> Feedback:
    service.logbook.flush(_FLUSH_S)  # the answer may still be on its way into the log
    return give_feedback(
        service.workspace,
        given.prediction_id,
        class_name=given.class_name,
        photo=photo,
        who=client,
        note=given.note,
    )


@router.get(
    "/health/live",
    summary="Whether the process answers",
    operation_id="isAlive",
    response_model=schemas.Alive,
)
async def is_alive() -> Response:
    """To be asked by whoever starts it anew when it is stuck."""
    return answer_json(schemas.Alive())


@router.get(
    "/health/ready",
    summary="Whether photos are answered, and by what",
    operation_id="isReady",
    response_model=schemas.Readiness,
    responses={503: {"model": schemas.Readiness, "description": "No version serves yet"}},
)
async def is_ready(request: Request) -> Response:
    """503 until a version serves; `degraded` where it is not the champion that was promoted."""
    readiness = find_service(request).describe_readiness()
    return answer_json(readiness, 503 if readiness.status == "not_ready" else 200)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    operation_id="readMetrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Figures"},
        **describe_refusals(401, 403, 429),
    },
)
async def read_metrics(request: Request) -> Response:
    """Requests, latency, batches, scores, unknown photos, alarms, queue, log."""
    figures = await find_service(request).write_figures()
    return Response(figures, headers={"Content-Type": CONTENT_TYPE})

"""The addresses: predict, batch, models, feedback, health, metrics."""

from contextlib import suppress
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Request
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from python_multipart.multipart import parse_options_header
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import UploadFile
from starlette.responses import Response

from core.errors import PetalscopeError, RequestRefused, ServiceBusy
from core.monitoring.feedback import give_feedback, settle_class
from core.monitoring.rules import DEFAULTS, list_alarms
from core.registry.store import ModelVersion, find_version, list_versions, read_aliases
from core.serving import schemas
from core.serving.answering import AnswerService, Asker
from core.serving.logbook import Figures, Logbook
from core.serving.problems import (
    BATCH_BODY,
    PHOTO_BODY,
    describe_refusals,
    find_request_id,
    read_kind,
)
from core.serving.switching import Switcher
from core.workspace import Workspace

router = APIRouter()

_CHARSETS = (b"", b"utf-8", b"us-ascii", b"iso-8859-1")
"""Of file names. Other codecs of Python raise errors that the reader of a form does not expect, or
give letters that JSON does not have."""

Alias = Annotated[
    str, Path(min_length=1, max_length=64, pattern="^[0-9A-Za-z]+$", examples=["champion", "v3"])
]
Top = Annotated[int, Query(ge=1, le=200, description="how many classes each answer names")]
_WRITING = describe_refusals(400, 401, 403, 408, 413, 415, 422, 429, 503)


class Service(NamedTuple):
    """The parts behind the addresses of one application."""

    workspace: Workspace
    figures: Figures
    switcher: Switcher
    logbook: Logbook
    answers: AnswerService


async def find_service(request: Request) -> Service:
    """Return the parts behind the addresses."""
    service: Service = request.app.state.service
    return service


async def find_asker(request: Request, top: Top = 5) -> Asker:
    """Return the request for answers."""
    return Asker(find_request_id(request), _find_client(request), top)


def _find_client(request: Request) -> str:
    return request.client.host if request.client else ""


Parts = Annotated[Service, Depends(find_service)]
Asked = Annotated[Asker, Depends(find_asker)]


async def _read_photo(request: Request) -> bytes:
    """Return the one photo of a request."""
    kind = read_kind(request)
    if kind == "multipart/form-data":
        return (await _read_form(request, "photo", 1))[0][1]
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise RequestRefused(
            f"A request of the type “{kind[:80]}” holds no photo."
            if kind
            else "The request has no content type.",
            "Send a form (multipart/form-data) with the field “photo”, or the photo itself as "
            "image/jpeg, image/png or another type of a picture.",
            status=415,
        )
    return await request.body()


async def _read_photos(request: Request) -> list[tuple[str, bytes]]:
    """Return name and bytes of the photos of a batch, 1 to 64, in the order they were sent."""
    if read_kind(request) != "multipart/form-data":
        raise RequestRefused(
            "A batch is sent as a form (multipart/form-data).",
            "Put each photo into a field “photos”.",
            status=415,
        )
    return await _read_form(request, "photos", 64)


async def _read_form(request: Request, field: str, most: int) -> list[tuple[str, bytes]]:
    """Return name and bytes of the files in a field of a form."""
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
        return [((file.filename or "")[:200], await file.read()) for file in files]


@router.post(
    "/v1/predict",
    summary="Classify one photo",
    operation_id="predict",
    responses=_WRITING,
    openapi_extra=PHOTO_BODY,
)
async def predict(request: Request, service: Parts, asker: Asked) -> schemas.Answer:
    """Send a photo as a form (field `photo`) or as the body itself.

    `unknown` is true where the model does not know: its best score is below its threshold
    (`unsure`), or the photo is unlike all its training photos (`unlike`).
    """
    answer = await service.answers.answer(await _read_photo(request), asker)
    facts = {"version": answer.model.version, "photos": 1, "kind": answer.kind}
    request.scope["noted"] = facts
    return answer


@router.post(
    "/v1/predict/batch",
    summary="Classify up to 64 photos",
    operation_id="predictBatch",
    responses=_WRITING,
    openapi_extra=BATCH_BODY,
)
async def predict_batch(request: Request, service: Parts, asker: Asked) -> schemas.BatchAnswer:
    """Send a form with up to 64 files, each in a field `photos`.

    Every photo has an answer or an error of its own, in the order they were sent.
    """
    if service.answers.batches.locked():
        raise ServiceBusy(
            "Too many batches are being answered already.",
            "Send the batch again in a few seconds.",
            retry_after=3,
        )
    async with service.answers.batches:
        uploads = await _read_photos(request)
        request.scope["check_batch"](len(uploads))
        items = await service.answers.answer_batch(uploads, asker)
    versions = [item.answer.model.version for item in items if item.answer]
    counts = {"answered": len(versions), "refused": len(items) - len(versions)}
    request.scope["noted"] = {"version": ",".join(sorted(set(versions))), **counts}
    return schemas.BatchAnswer(request_id=asker.request_id, items=items, **counts)


@router.get(
    "/v1/models",
    summary="All registered versions",
    operation_id="listModels",
    responses=describe_refusals(401, 403, 429, 503),
)
def list_models(service: Parts) -> schemas.Versions:
    """Newest first; `aliases` names the champion and the challenger."""
    versions = list_versions(service.workspace)
    return schemas.Versions(models=[_describe(service, version) for version in versions])


@router.get(
    "/v1/models/{alias}",
    summary="One version",
    operation_id="findModel",
    responses=describe_refusals(401, 403, 404, 422, 429, 503),
)
def find_model(service: Parts, alias: Alias) -> schemas.Version:
    """Named by `champion`, `challenger`, its number (`v3`) or the start of its digest."""
    return _describe(service, find_version(service.workspace, alias))


def _describe(service: Service, version: ModelVersion) -> schemas.Version:
    serving = service.switcher.find_model()
    aliases = read_aliases(service.workspace)
    return schemas.Version(
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


@router.post(
    "/v1/feedback",
    summary="Report the class that a photo really shows",
    operation_id="giveFeedback",
    status_code=201,
    responses=_WRITING,
)
def give(request: Request, service: Parts, given: schemas.FeedbackGiven) -> schemas.FeedbackKept:
    """Feedback goes to the review inbox; nothing is used for training until it is reviewed.

    With `photo_base64`, the photo of that answer is stored for the review.
    """
    service.logbook.flush(timeout_s=5.0)  # the answer may still be on its way into the log
    name = settle_class(service.workspace, given.prediction_id, given.class_name)
    feedback = give_feedback(
        service.workspace,
        given.prediction_id,
        class_name=name,
        photo=given.photo_base64,
        who=_find_client(request),
        note=given.note,
    )
    return schemas.FeedbackKept(
        request_id=find_request_id(request),
        prediction_id=given.prediction_id,
        was_right=feedback.was_right,
        class_name=feedback.class_name,
        state=feedback.state,
    )


@router.get("/health/live", summary="Whether the process answers", operation_id="isAlive")
async def is_alive() -> schemas.Alive:
    """For programs that restart the API when it does not answer."""
    return schemas.Alive()


@router.get(
    "/health/ready",
    summary="Whether photos are answered, and by which version",
    operation_id="isReady",
    responses={503: {"model": schemas.Readiness, "description": "No version serves yet"}},
)
async def is_ready(service: Parts, response: Response) -> schemas.Readiness:
    """503 until a version serves; `degraded` while a version other than the champion answers."""
    state = service.switcher.state
    shown = state if state.model else state.refusal
    response.status_code = 200 if state.model else 503
    return schemas.Readiness(
        status="not_ready" if not state.model else "degraded" if state.is_degraded else "ready",
        version=state.model.version.label if state.model else None,
        champion=f"v{state.champion}" if state.champion else None,
        problem=shown.problem,
        remedy=shown.remedy,
        photos_waiting=service.answers.waiting,
        queue=service.answers.queue,
        log_waiting=service.logbook.waiting,
        log_lost=service.logbook.lost,
    )


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    operation_id="readMetrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Metrics"},
        **describe_refusals(401, 403, 429),
    },
)
def read_metrics(service: Parts) -> Response:
    """Requests, latency, batches, scores, unknown photos, alarms, queue, log."""
    with suppress(SQLAlchemyError, PetalscopeError):
        raised = {alarm.rule for alarm in list_alarms(service.workspace, active=True)}
        for rule in DEFAULTS:
            service.figures.alarm.labels(rule=rule.name).set(rule.name in raised)
    headers = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
    return Response(generate_latest(service.figures.registry), headers=headers)

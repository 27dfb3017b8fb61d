"""The addresses for photos and models: predict, batch, models."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from core.prediction.model_version import ModelVersion
from core.registry.store import find_version, list_versions, read_aliases
from core.serving import schemas
from core.serving.documents import BATCH_BODY, PHOTO_BODY, describe_refusals
from core.serving.problems import find_request_id
from core.serving.requests import answer_json, ask_in_thread, find_client, find_service, note
from core.serving.service import Service
from core.serving.uploads import read_photo, read_photos

router = APIRouter()

Alias = Annotated[
    str,
    Path(min_length=1, max_length=64, pattern="^[0-9A-Za-z]+$", examples=["champion", "v3"]),
]
Top = Annotated[int, Query(ge=1, le=200, description="how many classes each answer names")]


@router.post(
    "/v1/predict",
    summary="Classify one photo",
    operation_id="predict",
    response_model=schemas.Answer,
    responses=describe_refusals(400, 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=PHOTO_BODY,
)
async def predict(request: Request, top: Top = 5) -> Response:
    """Send a JPEG, PNG, WEBP or BMP, as a form with the field `photo` or as the body itself.

    `unknown` is true where the model does not know: its best score is below its threshold
    (`unsure`), or the photo is like nothing in its training (`unlike`).
    """
    service = find_service(request)
    upload = await read_photo(request)
    request_id, client = find_request_id(request), find_client(request)
    answer = await service.desk.answer(upload, request_id=request_id, client=client, top=top)
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
        items = await service.desk.answer_batch(
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
    versions = await ask_in_thread(lambda: list_versions(service.workspace))
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
    version = await ask_in_thread(lambda: find_version(service.workspace, alias))
    return answer_json((await _describe_all(service, [version]))[0])


async def _describe_all(service: Service, versions: list[ModelVersion]) -> list[schemas.Version]:
    aliases = await ask_in_thread(lambda: read_aliases(service.workspace))
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

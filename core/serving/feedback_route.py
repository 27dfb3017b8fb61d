"""POST /v1/feedback: what a person says of an answer goes to the review inbox."""

import base64
import binascii

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from core.errors import RequestRefused
from core.monitoring.feedback import Feedback, give_feedback
from core.serving import schemas
from core.serving.documents import FEEDBACK_BODY, describe_refusals
from core.serving.problems import find_request_id
from core.serving.requests import answer_json, ask_in_thread, find_client, find_service
from core.serving.service import Service

router = APIRouter()

_FLUSH_S = 5.0


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
    feedback = await ask_in_thread(lambda: _give(service, given, photo, find_client(request)))
    kept = schemas.FeedbackKept(
        request_id=find_request_id(request),
        prediction_id=given.prediction_id,
        was_right=feedback.was_right,
        class_name=feedback.class_name,
        state=feedback.state,
    )
    return answer_json(kept, 201)


async def _read_feedback(request: Request) -> schemas.FeedbackGiven:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # which a form on a strange web page cannot send
        raise RequestRefused(
            "Feedback is sent as application/json.", "See /openapi.json for its form.", status=415
        )
    body = await request.body()
    try:
        return schemas.FeedbackGiven.model_validate_json(body)
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

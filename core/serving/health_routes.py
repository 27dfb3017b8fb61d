"""/health/live, /health/ready and /metrics: for whoever starts, watches and measures the API."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.serving import schemas
from core.serving.documents import describe_refusals
from core.serving.figures import CONTENT_TYPE
from core.serving.requests import answer_json, find_service

router = APIRouter()


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
    """Requests, latency, batches, scores and unknown photos by version, the queue, the log."""
    return Response(find_service(request).write_figures(), headers={"Content-Type": CONTENT_TYPE})

"""Examples for the OpenAPI document: one photo, followed from its answer to its feedback."""

from typing import Any

_REQUEST = "0f4d6f0c5f0e4d0c9a54a0f6a4f3f2b1"
_PREDICTION = "9f0c2f5e6d1b4c50a7b3c8d9e0f1a2b3"
_DIGEST = "5d0c6a2f7e4b1d3c8a9f0e1d2c3b4a5968778695a4b3c2d1e0f1a2b3c4d5e6f7"

MODEL: dict[str, Any] = {
    "version": "v3",
    "digest": _DIGEST,
    "run_id": "f4f8e0d9edc6b5bf",
    "dataset_id": "15ec4e559f5560da",
}

ANSWER: dict[str, Any] = {
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
    "model": MODEL,
    "photo": {
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "format": "JPEG",
        "width": 500,
        "height": 375,
        "bytes": 104211,
    },
    "latency": {"total_ms": 24.1, "decoding_ms": 3.2, "waiting_ms": 0.4, "model_ms": 19.8},
}

PROBLEM: dict[str, Any] = {
    "error": {
        "code": "photo_unreadable",
        "problem": "The picture is cut short or damaged.",
        "remedy": "Copy or export it again.",
        "request_id": _REQUEST,
    }
}

BATCH: dict[str, Any] = {
    "request_id": _REQUEST,
    "answered": 1,
    "refused": 1,
    "items": [
        {"name": "tulip.jpg", "answer": ANSWER, "error": None},
        {"name": "notes.txt", "answer": None, "error": PROBLEM["error"]},
    ],
}

VERSION: dict[str, Any] = {
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

FEEDBACK_GIVEN: dict[str, Any] = {
    "prediction_id": _PREDICTION,
    "class_name": "rose",
    "note": "the pink one in front",
}

FEEDBACK_KEPT: dict[str, Any] = {
    "request_id": _REQUEST,
    "prediction_id": _PREDICTION,
    "was_right": False,
    "class_name": "rose",
    "state": "waiting",
}

READINESS: dict[str, Any] = {
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

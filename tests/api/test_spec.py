"""The OpenAPI document is true: schemathesis draws requests from it and checks the answers."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.schemas import BaseSchema

from tests.api.conftest import TestClient
from tests.serving_process import ServingProcess

EXAMPLES = settings.default.max_examples // 2
OPERATIONS = (
    ("POST", "/v1/predict"),
    ("POST", "/v1/predict/batch"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{alias}"),
    ("POST", "/v1/feedback"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
)
WITHOUT_PARAMETERS = {"/v1/models", "/health/live", "/health/ready", "/metrics"}

load_all_checks()


@pytest.fixture(scope="module")
def document(serving: ServingProcess) -> BaseSchema:
    """The OpenAPI document as a real process serves it."""
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{serving.port}/openapi.json")


@pytest.mark.hypothesis
@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_what_the_document_says(
    document: BaseSchema, method: str, path: str, mode: GenerationMode
) -> None:
    # A string of bytes fits the document and is still no photo: that one check cannot hold.
    unfit = schemathesis.checks.CHECKS.get_one("positive_data_acceptance")
    operation = document[path][method]
    if mode is GenerationMode.NEGATIVE and path in WITHOUT_PARAMETERS:
        return  # nothing in such a request can be wrong

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        answer = case.call_and_validate(excluded_checks=[unfit])
        assert answer.status_code < 500 or answer.status_code == 503

    ask()


def test_the_document_describes_every_address(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {path for _, path in OPERATIONS}
    schemas = document["components"]["schemas"]
    for name in ("Answer", "ProblemDocument"):
        assert schemas[name]["example"], name

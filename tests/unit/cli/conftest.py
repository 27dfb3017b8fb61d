"""What tests of commands share: run one and read its JSON document."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from core.cli import main

Answer = Callable[..., Any]


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Answer:
    """Return a function that runs a command and returns the JSON document that it prints."""

    def run(*argv: str, exit_code: int = 0) -> Any:
        capsys.readouterr()
        assert main([*argv, "--json"]) == exit_code
        return json.loads(capsys.readouterr().out)

    return run

"""All commands, actions and options with what they take: none is lost by a change.

What options.json holds must stay so: scripts rely on it. `python -m tests.unit.cli.test_options`
writes it anew after something was added on purpose.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.cli.command import COMMANDS, build_parser
from core.workspace import PROJECT_ROOT

KEPT = Path(__file__).with_name("options.json")
TRIED = ("", "x", "-1", "0", "0.5", "1", "2", "5000", "256,128", "hidden,dropout")
"""Texts given to each option: which of them it takes says what it reads."""


def list_options(command: str) -> dict[str, Any]:
    """Return what a command and its actions take, by the words that are typed."""
    parser, _ = build_parser([command])
    subparser = find_subparsers(parser)[command]
    actions = find_subparsers(subparser)
    parsers = {command: subparser, **{f"{command} {name}": one for name, one in actions.items()}}
    return {
        f"{words} {' '.join(one.option_strings) or one.metavar or one.dest}": describe(parser, one)
        for words, parser in parsers.items()
        for one in parser._actions
        if not isinstance(one, argparse._HelpAction)
    }


def find_subparsers(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    found = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return found[0].choices if found else {}


def describe(parser: argparse.ArgumentParser, one: argparse.Action) -> dict[str, Any]:
    """Return what is not as everywhere about an option or argument."""
    taken = [text for text in TRIED if takes(parser, one, text)]
    facts = {
        "kind": type(one).__name__.strip("_").removesuffix("Action"),
        "choices": None if one.choices is None else [*one.choices],
        "default": one.default if isinstance(one.default, int | float | None) else str(one.default),
        "nargs": one.nargs or None,
        "required": one.required,
        "takes": None if taken == list(TRIED) else taken,
        "helpless": not one.help,
    }
    return {name: fact for name, fact in facts.items() if fact is not None and fact is not False}


def takes(parser: argparse.ArgumentParser, action: argparse.Action, text: str) -> bool:
    try:
        parser._get_value(action, text)
    except argparse.ArgumentError:
        return False
    return True


@pytest.mark.usefixtures("workspace")
def test_every_option_is_as_it_was() -> None:
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    now = {words: one for command in COMMANDS for words, one in list_options(command).items()}
    assert set(now) == set(kept)
    assert {words: one for words, one in now.items() if one != kept[words]} == {}


def test_the_list_of_commands_comes_at_once() -> None:
    script = (
        "import sys\n"
        "from contextlib import suppress\n"
        "from core.cli import main\n"
        "with suppress(SystemExit):\n"
        "    main(['--help'])\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert "train" in done.stdout
    loaded = set(done.stderr.split())
    assert "core.cli" in loaded
    assert not {"keras", "openvino", "pandas", "numpy", "sqlalchemy"} & loaded


if __name__ == "__main__":
    options = {words: one for name in COMMANDS for words, one in list_options(name).items()}
    lines = (
        f"{json.dumps(words)}: {json.dumps(one, ensure_ascii=False)}"
        for words, one in options.items()
    )
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")

"""Whether this is a copy of the repository or an installed tool, and what differs then.

The wheel puts the program into `petalscope/_app` (pyproject.toml), where `python -m core` does not
reach it: its command is `petalscope`, and what it makes belongs into the user's data folder.
"""

from pathlib import Path

INSTALLED = Path(__file__).resolve().parents[1].name == "_app"

_FROM_SOURCE = "python -m core"
COMMAND = "petalscope" if INSTALLED else _FROM_SOURCE
"""What a person types before the name of a command."""


def name_command(text: str) -> str:
    """Return the text with the command as a person types it here."""
    return text.replace(f"{_FROM_SOURCE} ", f"{COMMAND} ")


def default_workspace() -> Path:
    """Return where everything is kept that the program makes, if nobody says where."""
    if not INSTALLED:
        return Path("workspace")
    from platformdirs import user_data_path

    return user_data_path("petalscope", appauthor=False)

"""The folder for a hosted Space: an app that classifies photos, as a container or as it stands.

It needs no TensorFlow: the OpenVINO model answers. The versions it pins are those of this program.
"""

import json
from importlib.metadata import version
from pathlib import Path

from core.exporting.sources import read_shipped, write_deciding_module, write_photo_module
from core.exporting.subject import Subject
from core.workspace import PROJECT_ROOT

_PACKAGES = ("streamlit", "openvino", "numpy", "pillow")
_PORT = 7860
"""Where Spaces expect an app: https://huggingface.co/docs/hub/spaces-sdks-docker."""

_DOCKERFILE = f"""FROM python:3.11-slim

# Spaces run as user 1000.
RUN useradd --create-home --uid 1000 app
USER app
WORKDIR /home/app
ENV HOME=/home/app PATH=/home/app/.local/bin:$PATH PYTHONUNBUFFERED=1

COPY --chown=app requirements.txt .
RUN pip install --no-cache-dir --user -r requirements.txt
COPY --chown=app . .

EXPOSE {_PORT}
HEALTHCHECK CMD python -c \\
    "import urllib.request as r; r.urlopen('http://localhost:{_PORT}/_stcore/health')"
CMD ["streamlit", "run", "app.py", "--server.port={_PORT}", "--server.address=0.0.0.0"]
"""

_CONFIG = """[server]
headless = true
maxUploadSize = 25
# A Space shows the app in a frame of another site, where the cookie against forged requests is not
# sent, and uploads would be refused. Nobody is logged in and nothing is kept: nothing to forge.
enableXsrfProtection = false

[browser]
gatherUsageStats = false

[client]
toolbarMode = "viewer"

"""
_ICON, _THEME = Path("core/ui/parts/icon.svg"), Path(".streamlit/config.toml")
"""Of the program; the app looks like it."""


def write_space(folder: Path, subject: Subject) -> None:
    """Returns nothing; the folder holds the app but its model, which goes into folder/model."""
    texts = {
        "app.py": read_shipped("app.py"),
        "answering.py": read_shipped("answering.py"),
        "deciding.py": write_deciding_module(),
        "photo.py": write_photo_module(),
        "Dockerfile": _DOCKERFILE,
        ".dockerignore": "__pycache__\n.git\n",
        "requirements.txt": "".join(f"{name}=={version(name)}\n" for name in _PACKAGES),
        "README.md": _write_readme(subject),
        "icon.svg": (PROJECT_ROOT / _ICON).read_text(encoding="utf-8"),
        ".streamlit/config.toml": _CONFIG + _read_theme(),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _read_theme() -> str:
    """Returns what the program's own configuration says of colours and fonts."""
    text = (PROJECT_ROOT / _THEME).read_text(encoding="utf-8")
    return text[text.index("[theme]") :]


def _write_readme(subject: Subject) -> str:
    """Returns README.md with the front matter that a Space reads."""
    title = json.dumps(subject.name, ensure_ascii=False)  # YAML reads JSON strings as they are
    return f"""---
title: {title}
emoji: 🌼
colorFrom: green
colorTo: gray
sdk: docker
app_port: {_PORT}
pinned: false
tags: [image-classification, resnet50, petalscope]
---

A page that classifies photos: an answer in words, the five best classes, and “I don't know” where
the model has a rule for that. Photos are looked at in memory and kept nowhere.

Here:

    pip install -r requirements.txt
    streamlit run app.py

In a container:

    docker build -t petals . && docker run --rm -p {_PORT}:{_PORT} petals

As a Space: make one with the SDK “Docker” and push this folder into it; model/model.bin is large,
so `git lfs track "*.bin"` first.
"""

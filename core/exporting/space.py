"""Files that stand alone: modules of this program for every export, and the folder of a Space.

The modules are cut out of ours, so that an export answers as the page does. The Space's app needs
no TensorFlow: the OpenVINO model answers. The versions it pins are those of this program.
"""

import ast
import json
from importlib.metadata import version
from pathlib import Path

import core.evaluation.calibration
import core.prediction.answers
import core.prediction.deciding
import core.prediction.unlike
import data.augmentation
import data.images
import data.policy
from core.config import FRAMING, Framing
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


def write_space(folder: Path, subject: Subject) -> None:
    """Write the app, without its model, which goes into folder/model."""
    configuration = _read(PROJECT_ROOT / ".streamlit/config.toml")
    texts = {
        "app.py": read_shipped("app.py"),
        "answering.py": read_shipped("answering.py"),
        "deciding.py": write_deciding_module(),
        "photo.py": write_photo_module(subject.backbone.framing),
        "Dockerfile": _DOCKERFILE,
        ".dockerignore": "__pycache__\n.git\n",
        "requirements.txt": "".join(f"{name}=={version(name)}\n" for name in _PACKAGES),
        "README.md": _write_readme(subject),
        "icon.svg": _read(PROJECT_ROOT / "core/ui/parts/icon.svg"),
        ".streamlit/config.toml": _CONFIG + configuration[configuration.index("[theme]") :],
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _write_readme(subject: Subject) -> str:
    """Return README.md with the front matter that a Space reads."""
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


SHIPPED = Path(__file__).parent / "shipped"
_PHRASING = ("phrase_answer", "phrase_decision", "phrase_reason")


def write_photo_module(framing: Framing = FRAMING) -> str:
    """Return photo.py: `read_packed_photo(content)`, from the bytes of a file to what is seen."""
    of_model = f'Framing("{framing.how}", {framing.side})'
    ground = read_shipped("photo_ground.py").replace('Framing("crop", 224)', of_model)
    title = '"""How a photo becomes what the model sees; made from Petalscope\'s data/images.py."""'
    source = _read(data.images.__file__)
    nodes = [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
    imports = [line for node in nodes if not _is_ours(node) for line in _cut_lines(source, node)]
    rest = _after(source, nodes[-1])
    ground = _after(ground, ast.parse(ground).body[0])
    return "\n".join([title, "", *imports, "", "", ground, "", "", rest, ""])


def write_deciding_module() -> str:
    """Return deciding.py: `decide(…)` and `phrase_decision(…)`, when to answer and how."""
    title = (
        '"""When the model answers, and in what words; made from Petalscope\'s core/prediction."""'
    )
    imports = (
        "from collections.abc import Mapping, Sequence\n"
        "from dataclasses import dataclass, field\n"
        "from datetime import UTC, datetime\n"
        "from functools import cached_property\n"
        "from typing import Literal, NamedTuple\n\n"
        "import numpy as np"
    )
    pieces = [
        *_cut(core.evaluation.calibration.__file__, "temper_scores"),
        *_cut(core.prediction.unlike.__file__, "UnlikeModel"),
        *_cut(core.prediction.deciding.__file__, "decide"),
        *_cut(core.prediction.answers.__file__, *_PHRASING),
    ]
    return "\n\n\n".join([f"{title}\n\n{imports}", *pieces]) + "\n"


def write_augmenting() -> str:
    """Return what stands for data/augmentation.py in a notebook: `augment(photo, policy, …)`."""
    imports = (
        "import hashlib\nimport math\nimport random\nfrom collections.abc import Mapping\n"
        "from dataclasses import dataclass, fields\n"
        "from typing import ClassVar, NamedTuple\n\nfrom PIL import ImageFilter"
    )
    pieces = [
        *_cut(data.policy.__file__, "AugmentationPolicy", "GEOMETRIC"),
        *_cut(data.images.__file__, "MEAN_COLOUR"),
        *_cut(data.augmentation.__file__, "augment"),
    ]
    return "\n\n\n".join([imports, *pieces])


def write_drawing() -> str:
    """Return `draw_random_weights(resnet)` for a notebook (its package would import Keras here)."""
    pieces = _cut(PROJECT_ROOT / "models/keras_backbone.py", "draw_random_weights")
    return "from typing import Any\n\n" + "\n\n\n".join(pieces)


def read_shipped(name: str) -> str:
    """Return a file that goes into exports as it stands, without words for our type checker."""
    lines = _read(SHIPPED / name).splitlines()
    return "\n".join(line.partition("  # type: ignore")[0] for line in lines) + "\n"


def _read(file: str | Path | None) -> str:
    assert file is not None
    return Path(file).read_text(encoding="utf-8")


def _is_ours(node: ast.Import | ast.ImportFrom) -> bool:
    module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    return (module or "").partition(".")[0] in ("core", "data", "models")


def _cut(file: str | Path | None, *names: str) -> list[str]:
    """Return these definitions of a module and all others that they use, as and where they stand.

    Raises:
        KeyError: One of them is not there.
    """
    source = _read(file)
    nodes = {name: node for node in ast.parse(source).body for name in _find_names(node)}
    wanted, asked = set[str](), list(names)
    while asked:
        wanted.add(name := asked.pop())
        used = {one.id for one in ast.walk(nodes[name]) if isinstance(one, ast.Name)}
        asked += (used & nodes.keys()) - wanted
    return ["\n".join(_cut_lines(source, node)) for name, node in nodes.items() if name in wanted]


def _cut_lines(source: str, node: ast.stmt) -> list[str]:
    first = min(one.lineno for one in (node, *getattr(node, "decorator_list", ())))
    return source.splitlines()[first - 1 : node.end_lineno]


def _find_names(node: ast.stmt) -> list[str]:
    """Return what a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [one.id for one in targets if isinstance(one, ast.Name)]


def _after(source: str, node: ast.stmt) -> str:
    return "\n".join(source.splitlines()[node.end_lineno :]).strip("\n")

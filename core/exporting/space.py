"""Files that stand alone: modules of this program for every export, and the folder of a Space.

The modules are cut out of ours, so that an export answers as the page does. The Space's app needs
no TensorFlow: the OpenVINO model answers. The versions it pins are those of this program.
"""

import ast
import json
from importlib.metadata import version
from pathlib import Path

import core.evaluation.calibration
import core.evaluation.costs
import core.evaluation.prediction_sets
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
_ICON, _THEME = Path("core/ui/parts/icon.svg"), Path(".streamlit/config.toml")
"""Of the program; the app looks like it."""


def write_space(folder: Path, subject: Subject) -> None:
    """Write the app, without its model, which goes into folder/model."""
    texts = {
        "app.py": read_shipped("app.py"),
        "answering.py": read_shipped("answering.py"),
        "deciding.py": write_deciding_module(),
        "photo.py": write_photo_module(subject.backbone.framing),
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
    """Return what the program's own configuration says of colours and fonts."""
    text = (PROJECT_ROOT / _THEME).read_text(encoding="utf-8")
    return text[text.index("[theme]") :]


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

_OURS = ("core", "data", "models")
_DECIDING = (
    "Kind",
    "DecisionRule",
    "Decision",
    "decide",
    "_list_names",
    "choose_answers",
    "say_promise",
    "_TOP",
)
_SETS = ("Method", "_PENALTY", "_FREE", "SetWish", "SetRule", "measure_strangeness", "list_classes")
_COSTS = ("CostRule", "expect_costs")
_PHRASING = (
    "_CLEAR",
    "_LIKELY",
    "_WORTH_SAYING",
    "_NAMED",
    "phrase_answer",
    "phrase_decision",
    "phrase_reason",
    "phrase_list",
    "_name",
    "_percent",
    "_add_article",
    "_join",
)
_POLICY = ("Part", "Limits", "LIMITS", "GEOMETRIC", "_OFF", "AugmentationPolicy")
_AUGMENTING = (
    "_COLOURS",
    "_LUMA",
    "_MARGIN",
    "DrawnPart",
    "augment",
    "draw_parts",
    "_mix",
    "_apply",
    "_is_flip",
    "_flip",
    "_is_mirrored",
    "_transform",
    "_mirror",
    "_compose",
    "_affine",
    "_recolour",
    "_mix_colours",
    "_add_noise",
    "_cut_out",
    "_place_cutout",
)
_UNLIKE = ("_BLOCK", "_FEW", "UnlikeModel", "_square_distances", "_multiply")


def write_photo_module(framing: Framing = FRAMING) -> str:
    """Return photo.py: `read_packed_photo(content)`, from the bytes of a file to what is seen."""
    of_model = f'Framing("{framing.how}", {framing.side})'
    ground = read_shipped("photo_ground.py").replace('Framing("crop", 224)', of_model)
    source = _read(data.images.__file__)
    tree = ast.parse(source)
    title = '"""How a photo becomes what the model sees; made from Petalscope\'s data/images.py."""'
    imports, rest = _split_imports(source, tree)
    return "\n".join([title, "", imports, "", "", _without_docstring(ground), "", "", rest, ""])


def write_deciding_module() -> str:
    """Return deciding.py: `decide(…)` and `phrase_decision(…)`, when to answer and in words."""
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
        *_cut(_read(core.evaluation.calibration.__file__), ("TINY", "temper_scores")),
        *_cut(_read(core.evaluation.prediction_sets.__file__), _SETS),
        *_cut(_read(core.evaluation.costs.__file__), _COSTS),
        *_cut(_read(core.prediction.unlike.__file__), _UNLIKE),
        *_cut(_read(core.prediction.deciding.__file__), _DECIDING),
        *_cut(_read(core.prediction.answers.__file__), _PHRASING),
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
        *_cut(_read(data.policy.__file__), _POLICY),
        *_cut(_read(data.images.__file__), ("MEAN_COLOUR",)),
        *_cut(_read(data.augmentation.__file__), _AUGMENTING),
    ]
    return "\n\n\n".join([imports, *pieces])


def write_drawing() -> str:
    """Return `draw_random_weights(resnet)` for a notebook (its package would import Keras here)."""
    source = _read(PROJECT_ROOT / "models" / "graphs" / "drawing.py")
    return "from typing import Any\n\n" + "\n\n\n".join(
        _cut(source, ("_SEED", "_DAMPING", "draw_random_weights"))
    )


def read_shipped(name: str) -> str:
    """Return a file that goes into exports as it stands, without words for our type checker."""
    lines = _read(SHIPPED / name).splitlines()
    return "\n".join(line.partition("  # type: ignore")[0] for line in lines) + "\n"


def _read(file: str | Path | None) -> str:
    assert file is not None
    return Path(file).read_text(encoding="utf-8")


def _split_imports(source: str, tree: ast.Module) -> tuple[str, str]:
    """Return the imports that are not ours, and all that follows the imports."""
    nodes = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    foreign = [node for node in nodes if not _is_ours(node)]
    lines = source.splitlines()
    imports = [line for node in foreign for line in lines[node.lineno - 1 : node.end_lineno]]
    rest = lines[max(node.end_lineno or 0 for node in nodes) :]
    return "\n".join(imports), "\n".join(rest).strip("\n")


def _is_ours(node: ast.Import | ast.ImportFrom) -> bool:
    module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    return (module or "").partition(".")[0] in _OURS


def _cut(source: str, names: tuple[str, ...]) -> list[str]:
    """Return the definitions of these names at the top of a module, in its order, as they stand.

    Raises:
        ValueError: One of them is not there.
    """
    lines, pieces, found = source.splitlines(), [], set()
    for node in ast.parse(source).body:
        if (name := _find_name(node)) in names:
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
            pieces.append("\n".join(lines[first - 1 : node.end_lineno]))
            found.add(name)
    if missing := set(names) - found:
        raise ValueError(f"no definition of {sorted(missing)}: exports need another list")
    return pieces


def _find_name(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    if isinstance(node, ast.AnnAssign):
        target = node.target
    return target.id if isinstance(target, ast.Name) else ""


def _without_docstring(source: str) -> str:
    first = ast.parse(source).body[0]
    return "\n".join(source.splitlines()[first.end_lineno :]).strip("\n")

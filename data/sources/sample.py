"""The embedded sample: drawn flowers in split folders, with a few documented faults.

`sample.zip` was drawn once, by commit 49d9ce1; its `faults.json` lists the planted faults.
"""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.errors import SourceRefused
from data.sources.archive import unpack_photos
from data.sources.found import FoundSource, SourceKind, Tell, Way

SAMPLE_FILE = Path(__file__).with_name("sample.zip")
SAMPLE_SHA256 = "9b4d615f017cfb5c47b0d75e282b1cd7ff1e9cc439955bdb0e0665dcfb5ced92"


def find_in_sample(unpacked: Path, tell: Tell) -> FoundSource:
    """Return the photos of the embedded sample.

    Raises:
        SourceRefused: The file of the sample is missing or damaged.
    """
    content = SAMPLE_FILE.read_bytes() if SAMPLE_FILE.is_file() else b""
    if hashlib.sha256(content).hexdigest() != SAMPLE_SHA256:
        raise SourceRefused(
            "The file of the sample is missing or damaged.",
            "Install Petalscope again, or import photos of your own.",
        )
    found = unpack_photos(SAMPLE_FILE, unpacked, partial(tell, "unpacking the sample"))
    return replace(found, name="Flower sample", origin="the embedded sample")


SAMPLE = SourceKind(
    kind="sample",
    title="Sample flowers",
    needs_path=False,
    open=lambda _request, _downloads: find_in_sample,
    about="Five classes of drawn flowers, 100 photos each, with a few planted faults. "
    "No network needed.",
    ways=(Way(button="Add the sample"),),
)

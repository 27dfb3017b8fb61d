"""What the wall sends to the browser: one block of bytes with all it draws.

Four bytes (little-endian) say how long the JSON head is, then comes the head, then the thumbnails
one after another as they lie in the dataset: nothing is encoded, nothing is requested once more.
"""

import json
import struct
from collections.abc import Callable, Sequence

from data.dataset import Dataset

Describe = Callable[[int], str]
Mark = Callable[[int], Sequence[str]]


def pack_page(
    dataset: Dataset,
    photos: Sequence[int],
    *,
    captions: Describe | None,
    badges: Mark | None,
    **head: object,
) -> bytes:
    """Returns a page of photos as the browser reads it.

    Args:
        photos: Photo numbers, in the order they are drawn.
        captions: What stands under a photo, as plain text; default: its class.
        badges: Small words on a photo.
        head: What else the head carries: selected, turn, selectable, label.
    """
    rows = dataset.manifest.iloc[list(photos)]
    thumbnails = [dataset.thumbnail(photo) for photo in photos]
    drawn = [
        {
            "photo": photo,
            "alt": f"{class_name}, {path}",
            "caption": captions(photo) if captions else class_name,
            "badges": list(badges(photo)) if badges else [],
            "bytes": len(thumbnail),
        }
        for photo, class_name, path, thumbnail in zip(
            photos, rows["class"], rows["path"], thumbnails, strict=True
        )
    ]
    text = json.dumps({**head, "photos": drawn}, ensure_ascii=False).encode()
    return b"".join((struct.pack("<I", len(text)), text, *thumbnails))

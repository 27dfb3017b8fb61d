"""Oxford 102 Flowers (Nilsback and Zisserman 2008) as published: photos, labels, official split.

The label of jpg/image_0000i.jpg, 1..102, is the i-th of imagelabels.mat; setid.mat has the splits.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import scipy

from core.config import OXFORD102_URL, read_settings
from core.errors import SourceRefused
from core.formats import count
from data.sources.archive import unpack_photos
from data.sources.found import (
    READING,
    Field,
    FoundPhoto,
    FoundSource,
    Output,
    SourceKind,
    SourceRequest,
    Way,
)
from data.sources.layout import is_hidden
from data.sources.names import list_names, read_mapping
from data.sources.published import DOWNLOAD, fetch_file

FILES = {
    "102flowers.tgz": "52808999861908f626f3c1f4e79d11fa",
    "imagelabels.mat": "e0620be6f572b9609742df49c70aed4d",
    "setid.mat": "a5357ecc9cb78c4bef273ce3793fc85c",
}
"""Name and MD5 of the published files. Source: torchvision/datasets/flowers102.py."""
NAMES_FILE = Path(__file__).with_name("oxford102.json")
"""The names of the labels 1..102.

Source: the category list at https://www.robots.ox.ac.uk/~vgg/data/flowers/102/categories.html.
Other lists differ in 5 (wild geranium), 16 (globe flower), 60 (with “?”), 78 (lotus lotus) and
93 (pink quill).
"""

_SPLIT_OF_LIST = {"trnid": "train", "valid": "validation", "tstid": "test"}
_PHOTO = re.compile(r"(?:^|/)image_(\d{5})\.jpe?g$", re.IGNORECASE)


def find_oxford102(request: SourceRequest, output: Output) -> FoundSource:
    """Return the labelled photos in the official split."""
    given = _list_files(request)
    images, labels_file, splits_file = given or _download(output)
    names = read_class_names(Path(request.names).expanduser() if request.names else None)
    labels = _read_labels(labels_file, names)
    splits = _read_splits(splits_file, len(labels))
    origin = str(images.resolve()) if given else "downloaded"

    def read(held: Sequence[tuple[str, Path]], _folders: Iterable[str]) -> FoundSource:
        places = dict(held)
        by_number = _number_photos(places, len(labels), splits)
        folder = min(by_number.values()).rpartition("image_")[0]
        photos = [  # photos that the archive lacks are skipped when they are read
            FoundPhoto(
                path=by_number.get(number) or f"{folder}image_{number:05d}.jpg",
                class_name=names[int(labels[number - 1])],
                split=split,
                file=places.get(
                    by_number.get(number, ""), output.unpacked / f"absent-{number:05d}"
                ),
            )
            for number, split in splits.items()
        ]
        used = {names[int(labels[number - 1])] for number in by_number}
        return FoundSource(
            photos=sorted(photos, key=lambda photo: photo.path),
            name="Oxford 102 Flowers",
            origin=f"Oxford 102 Flowers, {origin}",
            notes=tuple(_note_others(len(by_number), len(held), len(labels))),
            numbers={name: number for number, name in names.items() if name in used},
            split_origin="the official split",
        )

    return unpack_photos(images, output.unpacked, partial(output.tell, READING), read)


def _download(output: Output) -> list[Path]:
    address = read_settings().oxford102_url.rstrip("/") + "/"
    files = [output.downloads / "oxford102" / name for name in FILES]
    for file, md5 in zip(files, FILES.values(), strict=True):
        # Another server may hold resized photos.
        official = address == OXFORD102_URL or file.suffix == ".mat"
        fetch_file(address + file.name, file, md5 if official else None, output.tell)
    return files


def _list_files(request: SourceRequest) -> list[Path]:
    """Return the three files of a folder or of three paths, as in FILES; empty: download them.

    Raises:
        SourceRefused: One of the three paths is missing, or a file does not exist.
    """
    given = (request.images, request.labels, request.splits)
    if not (request.path or any(given)):
        return []
    paths = []
    for path, usual in zip(given, FILES, strict=True):
        if not path and not request.path:
            raise SourceRefused(
                f"The path of {usual} is missing.",
                f"Name all of {', '.join(FILES)}, or their folder.",
            )
        paths.append(Path(path).expanduser() if path else request.place / usual)
        if not paths[-1].is_file():
            raise SourceRefused(
                f"There is no file “{paths[-1]}”.",
                f"Oxford 102 needs {', '.join(FILES)}; get them from {OXFORD102_URL}.",
            )
    return paths


def read_class_names(file: Path | None) -> dict[int, str]:
    """Return the name of each label, 1..102; a mapping file replaces the names it holds.

    Raises:
        SourceRefused: The file is no mapping, or two labels would have the same name.
    """
    names = read_mapping(NAMES_FILE)
    if file is None:
        return names
    given = read_mapping(file)
    if strange := set(given) - set(names):
        raise SourceRefused(
            f"“{file.name}” names a class {min(strange)}, but Oxford 102 has classes 1 to 102.",
            "Number the names from 1, as imagelabels.mat does.",
        )
    names |= given
    if twice := {name for name in names.values() if list(names.values()).count(name) > 1}:
        raise SourceRefused(
            f"“{file.name}” gives several labels the name {list_names(twice)}.",
            "Give each label its own name.",
        )
    return names


def _read_labels(file: Path, names: Mapping[int, str]) -> np.ndarray:
    """Return the label of each photo, (n,) int64."""
    labels = read_vector(file, "labels")
    if bad := sorted(set(labels.tolist()) - set(names)):
        raise SourceRefused(
            f"“{file.name}” holds the label {bad[0]}, but Oxford 102 has labels 1 to {len(names)}.",
            "Use the imagelabels.mat of Oxford 102.",
        )
    return labels


def _read_splits(file: Path, photos: int) -> dict[int, str]:
    """Return photo number (from 1) → split, without the photos in no list."""
    splits: dict[int, str] = {}
    for list_name, split in _SPLIT_OF_LIST.items():
        for number in read_vector(file, list_name).tolist():
            if not 1 <= number <= photos:
                raise SourceRefused(
                    f"“{file.name}” lists photo {number} in {list_name}, but there are labels of "
                    f"photos 1 to {photos:,}.",
                    "Use setid.mat and imagelabels.mat of the same dataset.",
                )
            if splits.setdefault(number, split) != split:
                raise SourceRefused(
                    f"“{file.name}” puts photo {number} into {splits[number]} and into {split}.",
                    "Use the setid.mat of Oxford 102, unchanged.",
                )
    return splits


def _number_photos(paths: Iterable[str], labels: int, splits: Mapping[int, str]) -> dict[int, str]:
    """Return photo number → path for photos of the archive with a label and a split."""
    numbers = {p: int(m[1]) for p in paths if (m := _PHOTO.search(p)) and not is_hidden(p)}
    if not numbers:
        raise SourceRefused(
            "The archive holds no photos called image_00001.jpg and so on.",
            "Use the 102flowers.tgz of Oxford 102.",
        )
    if (largest := max(numbers.values())) > labels:
        raise SourceRefused(
            f"The archive holds photo {largest}, but there are only {labels:,} labels.",
            "Use 102flowers.tgz and imagelabels.mat of the same dataset.",
        )
    by_number = {number: path for path, number in sorted(numbers.items()) if number in splits}
    if not by_number:
        problem = "No photo of the archive is in a split of setid.mat."
        raise SourceRefused(problem, "Use 102flowers.tgz and setid.mat of the same dataset.")
    return by_number


def _note_others(photos: int, files: int, labels: int) -> Iterable[str]:
    if photos < labels:
        yield (
            f"There are {labels:,} labels, but only {count(photos, 'photo')} with a label and a "
            "split; the others are skipped."
        )
    if others := files - photos:
        yield f"Ignored {others:,} other files of the archive."


def read_vector(file: Path, name: str) -> np.ndarray:
    """Return a variable of a .mat file as (n,) int64 with n at least 1.

    Raises:
        SourceRefused: The file is no .mat file, or the variable is missing or not whole numbers.
    """
    try:
        found = scipy.io.loadmat(file, variable_names=[name]).get(name, ())
    except FileNotFoundError as error:
        raise SourceRefused(f"There is no file “{file}”.", "Check the path.") from error
    except Exception as error:
        raise SourceRefused(
            f"“{file.name}” is not a readable MATLAB file ({error}).",
            "Copy or download it again.",
        ) from error
    values = np.asarray(found).ravel()
    whole = values.dtype.kind in "iuf" and np.isfinite(values).all() and (values % 1 == 0).all()
    if not len(values) or not whole:
        raise SourceRefused(
            f"“{file.name}” has no list of whole numbers called “{name}”.",
            "Check the files: imagelabels.mat holds “labels”, setid.mat holds “trnid”, “valid” "
            "and “tstid”.",
        )
    return values.astype(np.int64)


OXFORD102 = SourceKind(
    kind="oxford102",
    title="Oxford 102",
    needs_path=False,
    find=find_oxford102,
    about="8,189 photos of 102 kinds of flowers in three files: 102flowers.tgz, imagelabels.mat "
    "and setid.mat.",
    ways=(
        Way(
            title="In a folder on this machine",
            fields=(Field("path", "Folder with the three files", "/home/me/oxford102"),),
        ),
        Way(
            title="Three files on this machine",
            fields=(
                Field("images", "Photos", "/home/me/oxford102/102flowers.tgz", "102flowers.tgz"),
                Field("labels", "Labels", "/home/me/oxford102/imagelabels.mat", "imagelabels.mat"),
                Field("splits", "Official split", "/home/me/oxford102/setid.mat", "setid.mat"),
            ),
        ),
        replace(DOWNLOAD, note="345 MB, stored in the workspace. A broken download resumes."),
    ),
    optional=(Field("names", "Own class names (optional)", "/…/mapping.json"),),
    official_split="1,020 train, 1,020 validation, 6,149 test",
)

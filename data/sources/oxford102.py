"""Oxford 102 Flowers (Nilsback and Zisserman 2008) as published: photos, labels, official split.

The label of jpg/image_0000i.jpg, 1..102, is the i-th of imagelabels.mat; setid.mat has the splits.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from core.config import OXFORD102_URL, read_settings
from core.errors import SourceRefused
from data.sources.archive import unpack_photos
from data.sources.found import (
    READING,
    Field,
    FoundPhoto,
    FoundSource,
    Source,
    SourceKind,
    SourceRequest,
    Tell,
    Way,
)
from data.sources.layout import is_hidden
from data.sources.names import list_names, read_mapping
from data.sources.published import DOWNLOAD, fetch_file, tell_mb

FILES = {
    "102flowers.tgz": "52808999861908f626f3c1f4e79d11fa",
    "imagelabels.mat": "e0620be6f572b9609742df49c70aed4d",
    "setid.mat": "a5357ecc9cb78c4bef273ce3793fc85c",
}
"""Name and MD5 of the published files. Source: torchvision/datasets/flowers102.py."""

_NAMES = """
pink primrose, hard-leaved pocket orchid, canterbury bells, sweet pea, english marigold, tiger
lily, moon orchid, bird of paradise, monkshood, globe thistle, snapdragon, colt's foot, king
protea, spear thistle, yellow iris, globe-flower, purple coneflower, peruvian lily, balloon
flower, giant white arum lily, fire lily, pincushion flower, fritillary, red ginger, grape
hyacinth, corn poppy, prince of wales feathers, stemless gentian, artichoke, sweet william,
carnation, garden phlox, love in the mist, mexican aster, alpine sea holly, ruby-lipped cattleya,
cape flower, great masterwort, siam tulip, lenten rose, barbeton daisy, daffodil, sword lily,
poinsettia, bolero deep blue, wallflower, marigold, buttercup, oxeye daisy, common dandelion,
petunia, wild pansy, primula, sunflower, pelargonium, bishop of llandaff, gaura, geranium, orange
dahlia, pink-yellow dahlia, cautleya spicata, japanese anemone, black-eyed susan, silverbush,
californian poppy, osteospermum, spring crocus, bearded iris, windflower, tree poppy, gazania,
azalea, water lily, rose, thorn apple, morning glory, passion flower, lotus, toad lily, anthurium,
frangipani, clematis, hibiscus, columbine, desert-rose, tree mallow, magnolia, cyclamen,
watercress, canna lily, hippeastrum, bee balm, ball moss, foxglove, bougainvillea, camellia,
mallow, mexican petunia, bromelia, blanket flower, trumpet creeper, blackberry lily
"""
OXFORD102_NAMES = tuple(" ".join(name.split()) for name in _NAMES.split(","))
"""The names of the labels 1..102.

Source: the category list at https://www.robots.ox.ac.uk/~vgg/data/flowers/102/categories.html.
Other lists differ in 5 (wild geranium), 16 (globe flower), 60 (with “?”), 78 (lotus lotus) and
93 (pink quill).
"""

_SPLIT_OF_LIST = {"trnid": "train", "valid": "validation", "tstid": "test"}
_PHOTO = re.compile(r"(?:^|/)image_(\d{5})\.jpe?g$", re.IGNORECASE)


def find_oxford102(
    files: Sequence[Path], names_file: Path | None, downloads: Path, unpacked: Path, tell: Tell
) -> FoundSource:
    """Return the labelled photos in the official split.

    Args:
        files: On this machine, as in FILES; none: they are downloaded.
        names_file: A mapping of class names.
    """
    images, labels_file, splits_file = files or _download(downloads, tell)
    names = read_class_names(names_file)
    labels = _read_labels(labels_file, names)
    splits = _read_splits(splits_file, len(labels))
    whence = str(images.resolve()) if files else "downloaded"

    def read(held: Sequence[tuple[str, Path]], _folders: Iterable[str]) -> FoundSource:
        places = dict(held)
        photos = _label_photos(places, labels, splits, names, unpacked)
        there = [photo for photo in photos if photo.path in places]
        used = {photo.class_name for photo in there}
        return FoundSource(
            photos=photos,
            name="Oxford 102 Flowers",
            origin=f"Oxford 102 Flowers, {whence}",
            notes=tuple(_list_notes(there, len(held), len(labels))),
            numbers={name: number for number, name in names.items() if name in used},
            split_origin="the official split",
        )

    return unpack_photos(images, unpacked, partial(tell, READING), read)


def _download(downloads: Path, tell: Tell) -> list[Path]:
    address = read_settings().oxford102_url.rstrip("/") + "/"
    files = [downloads / "oxford102" / name for name in FILES]
    for file, md5 in zip(files, FILES.values(), strict=True):
        # Another server than the makers' may hold a resized copy.
        official = address == OXFORD102_URL or file.suffix == ".mat"
        fetch_file(address + file.name, file, md5 if official else None, tell_mb(tell, file.name))
    return files


def open_oxford102(request: SourceRequest, downloads: Path) -> Source:
    """Return the source of a folder of the three files, of each by its path, or the download.

    Raises:
        SourceRefused: Some files are named, but not all of them, or one is not there.
    """
    names = Path(request.names).expanduser() if request.names else None
    named = (request.images, request.labels, request.splits)
    if not (request.path or any(named)):
        return partial(find_oxford102, [], names, downloads)
    paths = []
    for given, usual in zip(named, FILES, strict=True):
        if not given and not request.path:
            raise SourceRefused(
                f"Of Oxford 102, the path of {usual} is missing.",
                f"Name all of {', '.join(FILES)}, or the folder they lie in.",
            )
        path = Path(given).expanduser() if given else request.place / usual
        if not path.is_file():
            raise SourceRefused(
                f"There is no file “{path}”.",
                f"Oxford 102 needs {', '.join(FILES)}; get them from {OXFORD102_URL}.",
            )
        paths.append(path)
    return partial(find_oxford102, paths, names, downloads)


def read_class_names(file: Path | None) -> dict[int, str]:
    """Return the name of each label, 1..102: our own, or those of a mapping where it has them.

    Raises:
        SourceRefused: The file is no mapping, or gives two labels the same name.
    """
    names = dict(enumerate(OXFORD102_NAMES, start=1))
    if file is None:
        return names
    given = read_mapping(file)
    if strange := set(given) - set(names):
        raise SourceRefused(
            f"“{file.name}” names a class {min(strange)}; those of Oxford 102 are 1 to 102.",
            "Number the names from 1, as imagelabels.mat does.",
        )
    names |= given
    if twice := {name for name in names.values() if list(names.values()).count(name) > 1}:
        raise SourceRefused(
            f"“{file.name}” gives several labels the name {list_names(twice)}.",
            "Give each label a name of its own.",
        )
    return names


def _read_labels(file: Path, names: Mapping[int, str]) -> np.ndarray:
    """Return the label of each photo, (n,) int64."""
    labels = read_vector(file, "labels")
    if bad := sorted(set(labels.tolist()) - set(names)):
        raise SourceRefused(
            f"“{file.name}” holds the label {bad[0]}; those of Oxford 102 are 1 to {len(names)}.",
            "Use the imagelabels.mat of Oxford 102.",
        )
    return labels


def _read_splits(file: Path, photos: int) -> dict[int, str]:
    """Return photo number (from 1) → split; a photo in no list is not in it."""
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


def _label_photos(
    places: Mapping[str, Path],
    labels: np.ndarray,
    splits: Mapping[int, str],
    names: dict[int, str],
    unpacked: Path,
) -> list[FoundPhoto]:
    """Return the photos that have a label and a split, sorted by path.

    What is not in the archive is among them, to be set aside.
    """
    numbers = {path: int(m[1]) for path in places if (m := _PHOTO.search(path))}
    numbers = {path: number for path, number in numbers.items() if not is_hidden(path)}
    if not numbers:
        raise SourceRefused(
            "The archive holds no photos called image_00001.jpg and so on.",
            "Give the 102flowers.tgz of Oxford 102.",
        )
    if (largest := max(numbers.values())) > len(labels):
        raise SourceRefused(
            f"The archive holds photo {largest}, but there are only {len(labels):,} labels.",
            "Use 102flowers.tgz and imagelabels.mat of the same dataset.",
        )
    by_number = {number: path for path, number in sorted(numbers.items()) if number in splits}
    if not by_number:
        problem = "None of the photos in the archive is in a split of setid.mat."
        raise SourceRefused(problem, "Use 102flowers.tgz and setid.mat of the same dataset.")
    folder = min(by_number.values()).rpartition("/")[0]
    photos = []
    for number, split in sorted(splits.items()):
        path, file = by_number.get(number), unpacked / f"absent-{number:05d}"
        photos.append(
            FoundPhoto(
                path=path or f"{folder}/image_{number:05d}.jpg".lstrip("/"),
                class_name=names[int(labels[number - 1])],
                split=split,
                file=places[path] if path else file,
            )
        )
    return sorted(photos, key=lambda photo: photo.path)


def _list_notes(photos: list[FoundPhoto], files: int, labels: int) -> list[str]:
    notes = []
    if len(photos) < labels:
        notes.append(
            f"There are {labels:,} labels and {len(photos):,} photos with a label and a split; "
            "the others are left out or set aside."
        )
    if others := files - len(photos):
        notes.append(f"{others:,} other files in the archive were left out.")
    return notes


def read_vector(file: Path, name: str) -> np.ndarray:
    """Return a variable of a .mat file as (n,) int64, n at least 1.

    Raises:
        SourceRefused: It is no .mat file, has no such variable, or it is no list of whole numbers.
    """
    from scipy.io import loadmat  # takes a third of a second

    try:
        found = loadmat(file, variable_names=[name]).get(name)
    except FileNotFoundError as error:
        raise SourceRefused(f"There is no file “{file}”.", "Check the path.") from error
    except Exception as error:
        raise SourceRefused(
            f"“{file.name}” is no MATLAB file that can be read ({error}).",
            "Copy or download it again.",
        ) from error
    values = np.asarray(found if found is not None else []).ravel()
    whole = values.dtype.kind in "iuf" and np.isfinite(values).all() and (values % 1 == 0).all()
    if not len(values) or not whole:
        raise SourceRefused(
            f"“{file.name}” has no list of whole numbers called “{name}”.",
            "Check that the right files were given: imagelabels.mat holds “labels”, setid.mat "
            "holds “trnid”, “valid” and “tstid”.",
        )
    return values.astype(np.int64)


OXFORD102 = SourceKind(
    kind="oxford102",
    title="Oxford 102",
    needs_path=False,
    open=open_oxford102,
    about="8,189 photos of 102 kinds of flowers, as their makers publish them: 102flowers.tgz, "
    "imagelabels.mat and setid.mat.",
    ways=(
        Way(
            key="In one folder",
            title="In a folder on this machine",
            fields=(Field("path", "Folder with the three files", "/home/me/oxford102"),),
        ),
        Way(
            key="Three files",
            title="Three files on this machine",
            fields=(
                Field("images", "Photos", "/home/me/oxford102/102flowers.tgz", "102flowers.tgz"),
                Field("labels", "Labels", "/home/me/oxford102/imagelabels.mat", "imagelabels.mat"),
                Field("splits", "Official split", "/home/me/oxford102/setid.mat", "setid.mat"),
            ),
        ),
        replace(
            DOWNLOAD, note="345 MB, kept in the workspace; a download that breaks off goes on."
        ),
    ),
    optional=(
        Field(
            "names",
            "Your own class names, if you like",
            "/…/mapping.json",
            "your own names of its classes",
        ),
    ),
    official_split="1,020 train, 1,020 validation, 6,149 test",
)

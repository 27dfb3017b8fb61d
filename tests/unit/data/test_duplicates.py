"""Planted copies are found, exact and near, look-alikes are not; new photos against old ones."""

import hashlib
import io
import tarfile
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageOps

from core.workspace import PROJECT_ROOT, Workspace
from data.dataset import Dataset
from data.duplicates import (
    Copies,
    _find_pieces,
    add_places,
    find_copies,
    find_exact_groups,
    find_near_pairs,
    find_pairs,
)
from data.images import pack_photo, read_packed_photo
from data.importing import import_source
from data.pieces import SURE_MATCH, measure_matches
from data.splits import number_groups
from tests.builders import (
    CLASSES,
    draw_photo,
    encode_photo,
    write_class_folders,
    write_split_folders,
)

SHARED = PROJECT_ROOT.parent / "shared" / "data"


def find_number(dataset: Dataset, path: str) -> int:
    return int(np.flatnonzero(dataset.manifest["path"].str.endswith(path))[0])


def draw_scene(number: int = 0) -> Image.Image:
    """A photo with so much in it that its hash is its own."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    return coarse.resize((240, 240), Image.Resampling.BICUBIC)


def test_near_pairs_are_those_of_a_plain_search() -> None:
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**64, 300, dtype=np.uint64)
    hashes[200:] = hashes[:100] ^ (np.uint64(1) << rng.integers(0, 64, 100).astype(np.uint64))
    hashes[290:] = hashes[:10]
    wanted = {
        (a, b, distance)
        for a in range(300)
        for b in range(a + 1, 300)
        if (distance := (int(hashes[a]) ^ int(hashes[b])).bit_count()) <= 18
    }
    assert {tuple(pair) for pair in find_near_pairs(hashes, 18).tolist()} == wanted
    assert len(wanted) > 110


def test_near_pairs_across_tiles() -> None:
    """Pairs are found wherever they lie, and of too many the closest are kept."""
    rng = np.random.default_rng(2)
    hashes = rng.integers(0, 2**64, 20_000, dtype=np.uint64)
    for a, b, bits in ((0, 19_999, 1), (63, 64, 3), (16_383, 16_384, 7), (5, 17_000, 0)):
        hashes[b] = hashes[a] ^ np.uint64(2**bits - 1)
    near = find_near_pairs(hashes, 7)
    assert near.tolist() == [[5, 17_000, 0], [0, 19_999, 1], [63, 64, 3], [16_383, 16_384, 7]]
    assert find_near_pairs(hashes, 7, most=2).tolist() == near[:2].tolist()
    assert find_near_pairs(hashes, 6).tolist() == near[:3].tolist()


def test_one_picture_many_times_stays_within_the_limit() -> None:
    near = find_near_pairs(np.zeros(3000, dtype=np.uint64), most=500)
    assert near.shape == (500, 3)
    assert (near[:, 0] < near[:, 1]).all() and not near[:, 2].any()


@pytest.mark.parametrize("photos", [0, 1])
def test_no_pairs_without_photos(photos: int) -> None:
    assert find_near_pairs(np.zeros(photos, dtype=np.uint64)).shape == (0, 3)


def test_exact_groups() -> None:
    manifest = pd.DataFrame({"sha256": list("xaybxbbz")})
    groups = find_exact_groups(manifest)
    assert [group.tolist() for group in groups] == [[0, 4], [3, 5, 6]]
    assert find_exact_groups(manifest[:3]) == []


def test_copies_in_all_their_forms(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "photos")
    scene = draw_scene()
    original = encode_photo(scene, quality=92)
    decoded = Image.open(io.BytesIO(original))
    (folder / "rose" / "scene.jpg").write_bytes(original)
    (folder / "tulip" / "same_file.jpg").write_bytes(original)
    (folder / "rose" / "same_pixels.png").write_bytes(encode_photo(decoded, "PNG"))
    (folder / "rose" / "smaller.jpg").write_bytes(encode_photo(scene.resize((150, 150))))
    brighter = ImageEnhance.Brightness(scene).enhance(1.2)
    (folder / "rose" / "brighter.jpg").write_bytes(encode_photo(brighter))
    dataset = import_source(workspace, folder)
    pairs = find_pairs(dataset)
    scene_number = find_number(dataset, "scene.jpg")
    found = pairs[(pairs["a"] == scene_number) | (pairs["b"] == scene_number)]
    other = np.where(found["a"] == scene_number, found["b"], found["a"])
    kinds = dict(zip(dataset.manifest["path"].to_numpy()[other], found["kind"], strict=True))
    assert kinds == {
        "tulip/same_file.jpg": "exact",
        "rose/same_pixels.png": "exact",
        "rose/smaller.jpg": "near",
        "rose/brighter.jpg": "near",
    }
    named = found.set_index(dataset.manifest["path"].to_numpy()[other])
    assert named["across_classes"].to_dict()["tulip/same_file.jpg"]
    assert not named.loc[["rose/smaller.jpg", "rose/brighter.jpg"], "across_classes"].any()
    assert (found["difference"] == 0).sum() == 2
    assert found["similarity"].isna().all()
    exact = pairs[pairs["kind"] == "exact"]
    assert {scene_number, *other.tolist()} >= {*exact["a"], *exact["b"]}, "no other is exact"


def test_leaks_are_pairs_over_two_splits(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_split_folders(tmp_path / "photos")
    content = encode_photo(draw_scene())
    for place in ("train/daisy/one.jpg", "train/daisy/two.jpg", "test/daisy/three.jpg"):
        (folder / place).write_bytes(content)
    pairs = find_pairs(import_source(workspace, folder))
    pairs = pairs[pairs["kind"] == "exact"]
    assert sorted(pairs["splits"]) == ["train", "train–test", "train–test"]
    assert pairs["leak"].tolist() == (pairs["splits"] != "train").tolist()
    assert (pairs["a"] < pairs["b"]).all()


def test_places_are_named_in_the_order_of_splits() -> None:
    pairs = pd.DataFrame({"a": [0, 0, 1], "b": [1, 2, 2]})
    splits = np.array(["test", "validation", "test"])
    placed = add_places(pairs, np.array([0, 1, 0]), splits)
    assert placed["splits"].tolist() == ["validation–test", "test", "validation–test"]
    assert placed["across_classes"].tolist() == [True, False, True]
    assert placed["leak"].tolist() == [True, False, True]


def test_features_confirm_what_pixels_leave_open(workspace: Workspace, tmp_path: Path) -> None:
    """Hashes some bits apart and other pixels: a pair only where one is near by the features."""
    dataset = import_source(workspace, write_class_folders(tmp_path / "photos", photos_per_class=8))
    n = len(dataset)
    one = int(dataset.manifest["phash"].iat[0], 16)
    dataset.manifest.loc[20, "phash"] = f"{one ^ 0b11_1111:016x}"
    features = np.eye(n, 8, dtype=np.float32) + 0.5
    far = np.array(
        [[other for other in range(n) if other not in (row, 20, 0)][:4] for row in range(n)]
    )
    near = far.copy()
    near[20, 3] = 0
    assert find_pairs(dataset, features, far).query("a == 0 and b == 20").empty
    pair = find_pairs(dataset, features, near).query("a == 0 and b == 20").iloc[0]
    assert (pair["kind"], pair["hash_distance"]) == ("near", 6)
    a, b = features[[0, 20]]
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert pair["similarity"] == pytest.approx(cosine)


def extract_some(archive: Path, folder: Path, wanted: dict[str, str]) -> Path:
    """Write the members of an archive whose file name is wanted to the path given for each."""
    if not archive.exists():
        pytest.skip(f"the real photos are not on this machine ({archive})")
    with tarfile.open(archive) as tar:
        for member in tar:
            name = "/".join(Path(member.name).parts[-2:])
            if name in wanted:
                file = tar.extractfile(member)
                assert file is not None
                target = folder / wanted[name]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read())
    return folder


@pytest.mark.shared
def test_exact_pairs_of_oxford(workspace: Workspace, tmp_path: Path) -> None:
    """The four known pairs, two of them across the official split, among their neighbours."""
    copies = {(7307, 7309), (7323, 7328), (7885, 7886), (8067, 8077)}
    numbers = [*range(7300, 7330), *range(7880, 7890), *range(8060, 8080)]
    splits = {7307: "train", 8077: "valid"}
    wanted = {
        f"jpg/image_{n:05d}.jpg": f"{splits.get(n, 'test')}/{n // 100}/{n}.jpg" for n in numbers
    }
    for number in (7310, 7890, 8081):  # each class needs something to learn from
        wanted[f"jpg/image_{number:05d}.jpg"] = f"train/{number // 100}/{number}.jpg"
    folder = extract_some(SHARED / "102flowers.tgz", tmp_path / "oxford", wanted)
    dataset = import_source(workspace, folder)
    pairs = find_pairs(dataset)
    names = dataset.manifest["path"].map(lambda path: int(Path(path).stem)).to_numpy()
    exact = pairs[pairs["kind"] == "exact"]
    found = {tuple(sorted((names[a], names[b]))) for a, b in exact[["a", "b"]].to_numpy()}
    assert found == copies
    assert sorted(exact.loc[exact["leak"], "splits"]) == ["train–test", "validation–test"]


@pytest.mark.shared
def test_photo_in_two_classes_of_flower_photos(workspace: Workspace, tmp_path: Path) -> None:
    twins = ("14889392928_9742aed45b_m", "15066430311_fb57fa92b0_m")
    others = ("15069459615_7e0fd61914_n", "15072973261_73e2912ef2_n")
    wanted = {f"sunflowers/{name}.jpg": f"sunflowers/{name}.jpg" for name in (*twins, *others)}
    wanted |= {
        f"{name}/15922772266_1167a06620.jpg": f"{name}/1.jpg" for name in ("roses", "tulips")
    }
    saved_anew = ("1775233884_12ff5a124f", "2093263381_afd51358a3")
    wanted |= {f"roses/{name}.jpg": f"roses/{name}.jpg" for name in saved_anew}
    folder = extract_some(SHARED / "flower_photos.tgz", tmp_path / "flowers", wanted)
    pairs = find_pairs(import_source(workspace, folder))
    assert pairs["kind"].tolist() == ["exact", "exact", "exact", "near"]
    assert pairs["across_classes"].tolist().count(True) == 1


def test_photos_that_only_look_alike_are_no_twins(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "photos", photos_per_class=1)
    for number in range(60):
        content = encode_photo(draw_scene(number))
        (folder / CLASSES[number % 3] / f"{number}.jpg").write_bytes(content)
    assert find_pairs(import_source(workspace, folder)).empty


SIZE = (400, 320)


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Photos of 96 x 80 px, and one of 400 x 320 px."""
    folder = write_class_folders(tmp_path / "photos")
    (folder / "tulip" / "large.jpg").write_bytes(encode_photo(draw_photo(2, 70, SIZE), quality=95))
    return import_source(workspace, folder)


def look(dataset: Dataset, *contents: bytes) -> list[Copies]:
    photos = np.stack([read_packed_photo(content)[0] for content in contents])
    table = pd.DataFrame(
        {
            "sha256": [hashlib.sha256(content).hexdigest() for content in contents],
            "phash": [str(imagehash.phash(Image.fromarray(photo))) for photo in photos],
        }
    )
    return find_copies(dataset, table, photos)


def test_the_same_file_and_the_same_pixels_are_exact(dataset: Dataset) -> None:
    image = Image.fromarray(dataset.photos[12])
    same_file, same_pixels = look(dataset, dataset.original(12), encode_photo(image, "PNG"))
    assert same_file == same_pixels == {12: "exact"}


def test_smaller_darker_and_recompressed_ones_are_near(dataset: Dataset) -> None:
    number = dataset.manifest["path"].tolist().index("tulip/large.jpg")
    image = draw_photo(2, 70, SIZE)
    smaller = encode_photo(image.resize((200, 160)), quality=70)
    darker = encode_photo(ImageEnhance.Brightness(image).enhance(0.8), quality=80)
    for found in look(dataset, smaller, darker):
        assert found[number] == "near"


def test_crops_and_mirrored_ones_among_the_nearest_are_near(dataset: Dataset) -> None:
    number = dataset.manifest["path"].tolist().index("tulip/large.jpg")
    image = draw_photo(2, 70, SIZE)
    crop = image.crop((40, 32, 360, 288))
    changed = [crop, ImageOps.mirror(image), ImageOps.mirror(crop), image.crop((40, 0, 400, 320))]
    new = [pack_photo(one) for one in changed]
    table = pd.DataFrame(
        {
            "sha256": [f"{row}" for row in range(len(new))],
            "phash": [str(imagehash.phash(Image.fromarray(photo))) for photo in new],
        }
    )
    nearest = [[number]] * len(new)
    found = find_copies(dataset, table, np.stack(new), nearest)
    assert found == [{number: "near"}] * len(new)


def test_how_well_a_photo_is_found_in_another_does_not_mind_the_light() -> None:
    photo = pack_photo(draw_photo(0, 1, SIZE))
    darker = (photo * 0.5).astype(np.uint8)
    other = pack_photo(draw_photo(1, 2, SIZE))
    photos = np.stack([photo, darker, other, np.full_like(photo, 90)])
    same, different, plain = measure_matches(photos, np.array([[0, 1], [0, 2], [3, 0]]))
    assert same > 0.99 and different < SURE_MATCH and plain == 0


def list_nearest(dataset: Dataset) -> np.ndarray:
    """All other photos, as if their features were near."""
    n = len(dataset)
    return np.array([[other for other in range(n) if other != row] for row in range(n)])


@pytest.mark.parametrize(
    "area, how",
    [
        (0.4, "cropped"),
        (0.8, "cropped"),
        (0.4, "mirrored"),
        (0.5, "lighter"),
        (0.6, "stretched"),
    ],
)
def test_a_piece_in_another_class_and_split_is_found(
    workspace: Workspace, tmp_path: Path, area: float, how: str
) -> None:
    folder = tmp_path / "photos"
    for number, place in enumerate(("train/rose", "train/tulip", "test/rose", "test/tulip") * 2):
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / f"{number}.png").write_bytes(encode_photo(draw_scene(number), "PNG"))
    side = round(240 * area**0.5)
    piece = draw_scene(0).crop((10, 240 - side, 10 + side, 240))
    changes = {
        "cropped": piece,
        "mirrored": ImageOps.mirror(piece),
        "lighter": ImageEnhance.Brightness(piece).enhance(1.2),
        "stretched": piece.resize((side, round(side * 1.1))),
    }
    (folder / "test/tulip/piece.jpg").write_bytes(encode_photo(changes[how], quality=85))
    dataset = import_source(workspace, folder)
    features = np.eye(len(dataset), dtype=np.float32)
    assert find_pairs(dataset, features).empty, "hashes are too far apart"
    told: list[tuple[int, int]] = []
    pairs = find_pairs(dataset, features, list_nearest(dataset), lambda *one: told.append(one))
    (pair,) = pairs.to_dict("records")
    assert len(told) > len(dataset) and told == sorted(told) and told[-1][0] == told[-1][1]
    assert len({total for _, total in told}) == 1
    ends = set(dataset.manifest["path"].iloc[[pair["a"], pair["b"]]])
    assert ends == {"train/rose/0.png", "test/tulip/piece.jpg"}
    assert (pair["kind"], pair["splits"]) == ("near", "train–test")
    assert pair["across_classes"] and pair["leak"] and pair["match"] >= SURE_MATCH


def test_a_bright_sky_above_dark_ground_is_no_piece() -> None:
    """Two landscapes are nearly equal from afar; their details differ."""
    rng = np.random.default_rng(0)
    slope = np.where(np.arange(224) < 112, 200, 60)[:, None, None]
    noise = rng.normal(0, 25, (2, 28, 28, 1)).repeat(8, 1).repeat(8, 2)
    photos = np.clip(slope + noise, 0, 255).astype(np.uint8).repeat(3, 3)
    assert np.corrcoef(photos.reshape(2, -1))[0, 1] > 0.85
    assert measure_matches(photos, np.array([[0, 1]])) < SURE_MATCH


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine photos with eight neighbours; three pairs may be searched a photo."""
    searched: list[int] = []
    monkeypatch.setattr("data.duplicates.MOST_SEARCHED", 30)
    monkeypatch.setattr(
        "data.duplicates.measure_matches",
        lambda _, pairs, *_tell: searched.append(len(pairs)) or np.zeros(len(pairs)),
    )
    hashes = np.random.default_rng(0).integers(0, 2**64, 9, dtype=np.uint64)
    nearest = np.array([[(row + step) % 9 for step in range(1, 9)] for row in range(9)])
    _find_pieces(np.empty(0), hashes, nearest, lambda *_: None)
    assert searched == [27]


def test_strangers_are_no_copies(dataset: Dataset) -> None:
    grey = encode_photo(Image.new("RGB", (300, 300), (120, 120, 120)))
    assert look(dataset, grey, encode_photo(draw_photo(3, 99))) == [{}, {}]


def test_copies_of_copies_are_one_group() -> None:
    pairs = pd.DataFrame({"a": [0, 1, 4], "b": [1, 3, 5]})
    groups = number_groups(pairs, 6)
    assert groups[0] == groups[1] == groups[3] and groups[4] == groups[5]
    assert len(set(groups.tolist())) == 3

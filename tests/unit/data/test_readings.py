"""Meanings of trees of folders as other people publish them: decided rightly, or asked."""

from pathlib import Path

import pytest

from core.errors import LayoutUnclear, SourceRefused
from data.sources.found import FoundSource
from data.sources.layout import read_folder, read_layout

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"
ROSES = ("rose", "tulip")


def classes(*folders: str, names: tuple[str, ...] = ROSES) -> list[str]:
    """Return three photos of each class in each folder."""
    outer = [f"{folder}/" if folder else "" for folder in folders]
    return [f"{one}{name}/{photo}.jpg" for one in outer for name in names for photo in range(3)]


def flat(*folders: str, prefix: str = "", ending: str = "jpg") -> list[str]:
    return [f"{folder}/{prefix}{photo}.{ending}" for folder in folders for photo in range(3)]


def read(paths: list[str], layout: str = "") -> FoundSource:
    return read_layout([(path, Path("/nowhere", path)) for path in paths], (), layout)


def count(found: FoundSource) -> dict[tuple[str, str | None], int]:
    counts: dict[tuple[str, str | None], int] = {}
    for photo in found.photos:
        key = (photo.class_name, photo.split)
        counts[key] = counts.get(key, 0) + 1
    return counts


@pytest.mark.parametrize(
    "names",
    [
        ("train", "val", "test"),
        ("seg_train/seg_train", "seg_val/seg_val", "seg_test/seg_test"),
        ("train2017", "val2017", "test2017"),
        ("TRAIN", "Dev", "Hold_Out"),
        ("train", "dev", "eval"),
        ("Train_1", "Valid_1", "Test_1"),
        ("01_train", "02_val", "03_test"),
        ("asl_alphabet_train/asl_alphabet_train", "valid", "asl_alphabet_test"),
        ("Training Set", "validationSet", "test_set"),
        ("imagesTr", "imagesVal", "imagesTs"),
        ("train/images", "val/images", "test/images"),
        ("entraînement", "validation", "essai"),
        ("entrenamiento", "validación", "prueba"),
        ("Trainingsdaten", "Validierung", "Testdaten"),
        ("обучающая выборка", "валидация", "тест"),
        ("训练集", "验证集", "测试集"),
        ("訓練データ", "検証", "テスト"),
    ],
)
def test_split_folders_are_known_by_the_words_that_people_use(names: tuple[str, ...]) -> None:
    found = count(read(classes(*names)))
    assert found == {
        (name, split): 3 for name in ROSES for split in ("train", "validation", "test")
    }


@pytest.mark.parametrize(
    ("paths", "right"),
    [
        # Splits inside the classes.
        (
            classes("rose", "tulip", names=("train", "test")),
            {(name, split): 3 for name in ROSES for split in ("train", "test")},
        ),
        # A split without classes: Keras' test/test_folder, tiny-imagenet's val/images.
        (
            [*classes("train", "validation"), *flat("test/test_folder")],
            {("rose", "train"): 3, ("tulip", "train"): 3, ("", None): 3}
            | {("rose", "validation"): 3, ("tulip", "validation"): 3},
        ),
        (
            [*flat("train/n01/images", "train/n02/images"), *flat("val/images", "test/images")],
            {("n01", None): 3, ("n02", None): 3, ("", None): 6},
        ),
        (
            [*classes("seg_train/seg_train", "seg_test"), *flat("seg_pred/seg_pred")],
            {("rose", "train"): 3, ("tulip", "train"): 3, ("", None): 3}
            | {("rose", "test"): 3, ("tulip", "test"): 3},
        ),
        (
            [*classes("asl_train/asl_train"), *flat("asl_test/asl_test")],
            {("rose", None): 3, ("tulip", None): 3, ("", None): 3},
        ),
        # Several test sets, parts of training.
        (
            classes("train_1", "train_2", "test_a", "test_b"),
            {(name, split): 6 for name in ROSES for split in ("train", "test")},
        ),
        # Split and class in one name.
        (
            flat("trainA", "trainB", "testA", "testB"),
            {(name, split): 3 for name in "AB" for split in ("train", "test")},
        ),
        (
            flat("train_cats", "train_dogs", "test_cats", "test_dogs"),
            {(name, split): 3 for name in ("cats", "dogs") for split in ("train", "test")},
        ),
        # Parts of a dataset.
        (classes("camera_A", "camera_B"), {("rose", None): 6, ("tulip", None): 6}),
        (classes("fold1", "fold2"), {("rose", None): 6, ("tulip", None): 6}),
        (classes("x/flowers", "x/flowers/flowers"), {("rose", None): 6, ("tulip", None): 6}),
        (classes("a/b/c/d"), {("rose", None): 3, ("tulip", None): 3}),
        # Masks and annotations.
        (
            [*classes("images/train", "images/val"), *classes("masks/train", "masks/val")],
            {(name, split): 3 for name in ROSES for split in ("train", "validation")},
        ),
        (
            classes("rose", "tulip", names=("images", "masks")),
            {("rose", None): 3, ("tulip", None): 3},
        ),
        (
            [*classes(""), *[path.replace(".jpg", "_mask.png") for path in classes("")]],
            {("rose", None): 3, ("tulip", None): 3},
        ),
        # Classes with the names of splits and masks.
        (
            classes("", names=("bus", "car", "train")),
            {(n, None): 3 for n in ("bus", "car", "train")},
        ),
        (
            classes("train", "test", names=("bus", "train")),
            {(name, split): 3 for name in ("bus", "train") for split in ("train", "test")},
        ),
        (classes("", names=("mask", "no_mask")), {("mask", None): 3, ("no_mask", None): 3}),
    ],
)
def test_a_clear_tree_is_read(paths: list[str], right: dict[tuple[str, str], int]) -> None:
    found = read(paths)
    assert count(found) == right
    assert found.layout and found.tree


@pytest.mark.parametrize(
    ("paths", "readings"),
    [
        (classes("train", "test", "extra"), ["splits", "splits-train", "splits-test"]),
        (classes("train", "testi"), ["splits", "splits-train", "splits-test"]),
        ([*classes("train", "val"), *flat("gallery")], ["splits"]),
        (classes("colour", "grey"), ["inner", "classes"]),
        (classes("camera1/train", "camera1/test", "camera2/train"), ["splits-inner", "splits"]),
        ([*classes("dog", names=("pug", "beagle")), *classes("cat")], ["classes", "inner"]),
        ([*classes("rose", names=("train", "test")), *flat("tulip")], ["splits-train", "classes"]),
        (
            [*flat("train", prefix="cat."), *flat("train", prefix="dog."), *flat("test1")],
            ["splits-names", "classes"],
        ),
        (
            [
                *flat("images", prefix="american_bulldog_"),
                *flat("images", prefix="Abyssinian_"),
                *flat("annotations/trimaps", prefix="Abyssinian_", ending="png"),
            ],
            ["names"],
        ),
        (classes("", names=("rose", "tulip", "masks")), ["classes-no-masks", "classes"]),
        (flat("fold1", "fold2"), ["classes"]),
        (flat("HAM10000_images_part_1", "HAM10000_images_part_2"), ["classes"]),
        ([*classes("train", names=("Rose", "tulip")), *classes("test")], ["splits-same"]),
    ],
)
def test_an_unclear_tree_is_asked_about(paths: list[str], readings: list[str]) -> None:
    with pytest.raises(LayoutUnclear, match="--layout") as asked:
        read(paths)
    offered = [name for name, _, _ in asked.value.facts["readings"]]
    assert offered[: len(readings)] == readings
    for name, sentence, tree in asked.value.facts["readings"]:
        found = read(paths, name)
        assert found.layout == sentence and found.tree == tree
        assert len({photo.class_name for photo in found.photos} - {""}) > 1
    with pytest.raises(SourceRefused, match="cannot be read as “nonsense”") as refused:
        read(paths, "nonsense")
    assert readings[0] in refused.value.remedy


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        (flat("train2017", "val2017"), "side by side"),
        (flat("JPEGImages", "SegmentationClass", "SegmentationObject"), "JPEGImages"),
        (classes("dev", "test"), "none called train"),
    ],
)
def test_a_tree_without_classes_is_refused(paths: list[str], sentence: str) -> None:
    with pytest.raises(SourceRefused, match=sentence):
        read(paths)


def test_a_chosen_reading_is_followed() -> None:
    paths = classes("train", "test", "extra")
    assert count(read(paths, "splits-train"))[("rose", "train")] == 6
    assert count(read(paths, "splits"))[("", None)] == 6
    assert set(count(read(paths, "classes"))) == {(n, None) for n in ("train", "test", "extra")}
    spelled = [*classes("train", names=("Rose", "tulip")), *classes("test")]
    assert count(read(spelled, "splits-same"))[("Rose", "test")] == 3


def test_the_tree_is_drawn_with_counts_and_meanings() -> None:
    found = read([*classes("x/train", "x/test"), *flat("x/pred")])
    assert (
        found.layout
        == "“train” is train; “test” is test; 2 classes: “rose”, “tulip”; skipped: “pred”"
    )
    assert [" ".join(line.split()) for line in found.tree.splitlines()] == [
        "./x/ 15",
        "pred/ 3 without class",
        "test/ 6 test",
        "rose/ 3 class “rose”",
        "tulip/ 3 class “tulip”",
        "train/ 6 train",
        "rose/ 3 class “rose”",
        "tulip/ 3 class “tulip”",
    ]
    assert "… 93 more" in read(classes("", names=tuple(f"class {n}" for n in range(101)))).tree


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not part of the program")
@pytest.mark.parametrize(
    ("case", "right"),
    [
        ("images-and-masks", None),
        ("split-inside-class", {(n, s): c for n in ROSES for s, c in (("train", 6), ("test", 3))}),
        (
            "split-words",
            {(n, s): 5 for n in ("forest", "sea") for s in ("train", "test")} | {("", None): 3},
        ),
        ("minus-numbers", {(name, None): 6 for name in ("-1", "0", "1")}),
    ],
)
def test_the_cases(case: str, right: dict[tuple[str, str], int] | None) -> None:
    found = count(read_folder(CASES / case / "input"))
    if right is None:
        assert sum(found.values()) == 12 and len({name for name, _ in found}) == 2
    else:
        assert found == right

"""Words in the names of folders and files: splits in several languages, masks, parts of a dataset.

Names are compared in lower case, without accents; CamelCase, numbers and signs divide words.
"""

import re
import unicodedata
from collections.abc import Iterable

UNLABELLED = "unlabelled"
"""Kind of a folder beside splits that holds photos without classes."""
_KINDS = {
    "train": "train training trn tr trainval apprentissage entrainement entrenamiento treino "
    "treinamento labeled labelled addestramento allenamento egitim "
    "обуч трениров 训练 訓練 学習 훈련 학습 تدريب",
    "validation": "val valid validation dev development validierung validacion validacao "
    "validazione walidacja dogrulama валид провер 验证 驗證 検証 검증 تحقق",
    "test": "test testing tst ts holdout prueba pruebas teste prova essai тест 测试 測試 テスト "
    "시험 테스트 평가 اختبار",
    "eval": "eval evaluation",
    UNLABELLED: "pred predict prediction predictions inference submission unlabeled unlabelled",
}
_PHOTOS = "images image imgs img photos photo pictures pics jpegimages jpg jpeg png rgb"
_PLAIN = "set sets data daten dataset split folder samples all raw unknown none выборка"
_MASKS = (
    "mask masks annotation annotations trimap trimaps segmentation segmentations "
    "segmentationclass segmentationobject groundtruth gt labels label labelstr"
)
_PARTS = (
    "fold split part batch chunk shard camera cam session site day device subject patient person "
    "user round"
)
_CAMERAS = "dsc dscn dscf p pic picture frame wp pxl dji gopr mvimg screenshot scan file crop id"


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold()


_KIND_OF = {_fold(word): kind for kind, words in _KINDS.items() for word in words.split()}
_FOREIGN = tuple(word for word in _KIND_OF if not word.isascii())
_NO_MEANING = {_fold(word) for word in f"{_PHOTOS} {_PLAIN}".split()}
_ENDING = re.compile(r"(?<=..)(s?(sets?|data|daten|images)|[ab])$")
_OF_MASK = re.compile(r"(.+?)[ ._-]+(mask|masks|seg|segmentation|gt|trimap)([ _-]?\d+)?")
_NUMBERED = re.compile(r"(.*[^\W\d_])[ ._-]*[(\[]?\d+[)\]]?")


def _divide(name: str) -> list[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", unicodedata.normalize("NFC", name))
    return re.findall(r"[^\W\d_]+", re.sub(r"(?i)(h[eo]ld)[\W_]?(out)", r"\1\2", spaced))


def list_words(name: str) -> list[str]:
    """Return the words of a name in their common form, without numbers."""
    return list(map(_fold, _divide(name)))


def read_split(name: str) -> tuple[str | None, str]:
    """Return the kind of split that a name holds (None: none, or several), and its other words."""
    kinds, rest = set(), []
    for written in _divide(name):
        word = _fold(written)
        foreign = next((one for one in _FOREIGN if word.startswith(one)), "")
        stem = _ENDING.sub("", word)
        if kind := _KIND_OF.get(word) or _KIND_OF.get(foreign) or _KIND_OF.get(stem):
            kinds.add(kind)
            rest += [written[-1]] if stem == word[:-1] else []  # “trainA”
        elif word not in _NO_MEANING:
            rest.append(written)
    if kinds == {"train", "validation"}:
        kinds = {"train"}
    return (kinds.pop() if len(kinds) == 1 else None), " ".join(rest)


def read_split_name(name: str) -> str | None:
    """Return the split that a folder or cell names (“val”, “Test set”), or None."""
    kind, rest = read_split(name)
    kind = None if rest or kind == UNLABELLED else kind
    return "validation" if kind == "eval" else kind


def read_splits(names: Iterable[str]) -> dict[str, str]:
    """Return name → split or UNLABELLED for the names of one level of folders that hold one.

    Other words in them must be the same (seg_train, seg_test), or the same in each split
    (train_cat, train_dog, test_cat). “eval” is test beside another word for validation.
    """
    read = {name: read_split(name) for name in names}
    known = {name: kind for name, (kind, _) in read.items() if kind}
    rests: dict[str, set[str]] = {}
    for name, kind in known.items():
        rests.setdefault(kind, set()).add(read[name][1].casefold())
    noise = {rest for some in rests.values() for rest in some if len(rest) > 1}
    trained = rests.get("train", set())
    if len(noise) > 1 and not (
        len(rests) > 1 and all(len(some) > 1 and some <= trained for some in rests.values())
    ):
        known = {name: kind for name, kind in known.items() if len(read[name][1]) < 2}
    held = "test" if "validation" in known.values() else "validation"
    return {name: held if kind == "eval" else kind for name, kind in known.items()}


def means_nothing(name: str) -> bool:
    """Return whether a name tells neither a class nor another fact (“images”, “test_folder”)."""
    kind, rest = read_split(name)
    return not rest and bool(kind or list_words(name))


def is_of_photos(name: str) -> bool:
    """Return whether a folder is named after its photos (“images”, “imagesTr”)."""
    return means_nothing(name) and bool(set(_PHOTOS.split()) & set(list_words(name)))


def is_mask(name: str, *, alone: bool = False) -> bool:
    """Return whether a folder may hold masks or annotations; `alone`: without another word."""
    words = list_words(name)
    found = set(_MASKS.split()) & {*words, "".join(words)}
    return bool(found) and (len(words) == 1 or not alone)


def find_masked(stem: str) -> str:
    """Return the photo of a mask by its name (“rose_1_mask” is of “rose_1”), or ""."""
    found = _OF_MASK.fullmatch(stem.casefold())
    return found[1] if found else ""


def read_part(name: str) -> str:
    """Return the words that parts of one dataset share (“fold1”, “camera_B”), or ""."""
    words = [word for word in list_words(name) if len(word) > 1]
    return " ".join(words) if set(words) & set(_PARTS.split()) else ""


def read_class_in_file(stem: str) -> str:
    """Return the class in the name of a file (“cat” in “cat.0”), or ""."""
    found = _NUMBERED.fullmatch(stem)
    words = set(list_words(found[1])) if found else set()
    meant = words - _NO_MEANING - set(_CAMERAS.split()) - _KIND_OF.keys()
    return found[1] if found and meant else ""

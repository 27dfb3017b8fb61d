"""Hostile archives are refused: nothing lands outside of the target, and nothing is left in it."""

import gzip
import io
import os
import resource
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.workspace import PROJECT_ROOT
from data.sources import archive as archives
from data.sources.archive import unpack_photos
from tests.builders import draw_photo, encode_photo
from tests.unit.data.archives import assert_refused, list_good_members, write_tar, write_zip

PHOTO = encode_photo(draw_photo(0, 9))
LINKS = {
    "link": (tarfile.SYMTYPE, stat.S_IFLNK),
    "hard link": (tarfile.LNKTYPE, None),
    "character device": (tarfile.CHRTYPE, stat.S_IFCHR),
    "block device": (tarfile.BLKTYPE, stat.S_IFBLK),
    "fifo": (tarfile.FIFOTYPE, stat.S_IFIFO),
    "socket, or an unknown kind": (b"Z", stat.S_IFSOCK),
}

HOSTILE_NAMES = {
    "../../evil.jpg": "outside",
    "flowers/../../evil.jpg": "outside",
    "flowers/rose/..": "outside",
    "..\\..\\evil.jpg": "outside",
    "flowers\\..\\..\\evil.jpg": "outside",
    "./../evil.jpg": "outside",
    "/tmp/evil.jpg": "absolute",
    "//tmp/evil.jpg": "absolute",
    "./" + "/tmp/evil.jpg": "absolute",
    "C:\\evil.jpg": "absolute",
    "c:/evil.jpg": "absolute",
    "C:evil.jpg": "absolute",
    "\\\\server\\share\\evil.jpg": "absolute",
    "flowers/rose/" + "x" * 2000 + ".jpg": "2,017 characters",
    "a/" * 600 + "evil.jpg": "1,208 characters",
}


def write_tar_entries(file: Path, *entries: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    """Write the good members, then entries without content."""
    with tarfile.open(file, mode, format=tarfile.PAX_FORMAT) as archive:
        for name, content in list_good_members().items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for entry in entries:
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    return file


def write_zip_with_mode(file: Path, mode: int) -> Path:
    write_zip(file, list_good_members())
    with zipfile.ZipFile(file, "a") as archive:
        entry = zipfile.ZipInfo("flowers/rose/special.jpg")
        entry.create_system, entry.external_attr = 3, mode << 16
        archive.writestr(entry, "/etc/passwd")
    return file


def alter_directory(file: Path, offset: int, value: bytes) -> Path:
    """Overwrites bytes of the first entry in the directory of a .zip."""
    content = bytearray(file.read_bytes())
    start = content.find(b"PK\x01\x02") + offset
    content[start : start + len(value)] = value
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_paths_that_lead_outside_are_refused(
    write: Callable[..., Path], name: str, tmp_path: Path, target: Path
) -> None:
    archive = write(tmp_path / "x", list_good_members() | {name: PHOTO})
    assert_refused(archive, target, HOSTILE_NAMES[name])
    assert {path.name for path in tmp_path.iterdir()} == {"x", "target"}


@pytest.mark.parametrize("kind", LINKS)
def test_links_and_devices_are_refused(kind: str, tmp_path: Path, target: Path) -> None:
    in_tar, in_zip = LINKS[kind]
    entry = tarfile.TarInfo("flowers/rose/special.jpg")
    entry.type, entry.linkname = in_tar, "/etc/passwd"
    archive = write_tar_entries(tmp_path / "x.tgz", entry)
    assert_refused(archive, target, "link or a device")
    if in_zip is not None:
        archive = write_zip_with_mode(tmp_path / "x.zip", in_zip | 0o666)
        assert_refused(archive, target, "link or a device")


def test_a_link_to_a_folder_that_later_members_go_through(tmp_path: Path, target: Path) -> None:
    link = tarfile.TarInfo("flowers/outside")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    through = tarfile.TarInfo("flowers/outside/evil.jpg")
    assert_refused(write_tar_entries(tmp_path / "x.tgz", link, through), target, "link")
    assert not (tmp_path / "evil.jpg").exists()


def test_bombs_are_refused(tmp_path: Path, target: Path) -> None:
    bombs = (
        {"flowers/rose/zeros.bmp": bytes(60_000_000)},
        {f"flowers/rose/{n}.bmp": bytes(200_000) for n in range(100)},
    )
    for bomb in bombs:
        members = list_good_members() | bomb
        archive = write_zip(tmp_path / "x.zip", members, zipfile.ZIP_DEFLATED)
        assert_refused(archive, target, "100 times its size")
        archive = write_tar(tmp_path / "x.tgz", members)
        assert_refused(archive, target, "100 times its size")


def test_an_archive_in_an_archive_is_never_opened(tmp_path: Path, target: Path) -> None:
    inner = write_zip(
        tmp_path / "inner.zip", {"zeros.bmp": bytes(50_000_000)}, zipfile.ZIP_DEFLATED
    )
    members = list_good_members() | {"flowers/rose/bomb.zip": inner.read_bytes()}
    layout = unpack_photos(write_zip(tmp_path / "x.zip", members), target)
    assert len(layout.photos) == len(list(target.iterdir())) == 4
    assert any("bomb.zip" in note for note in layout.notes)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_python_unpacks_without_bounds_are_refused(
    method: int, tmp_path: Path, target: Path
) -> None:
    """45 bytes of bzip2 can hold 900 KB, all unpacked at once whatever size is declared."""
    archive = write_zip(tmp_path / "x.zip", list_good_members(), method)
    assert_refused(archive, target, "another method")


def test_members_that_share_bytes_are_refused(tmp_path: Path, target: Path) -> None:
    """The bomb of D. Fifield (2019): many members of the directory unpack the same bytes."""
    content = bytearray(write_zip(tmp_path / "x.zip", list_good_members()).read_bytes())
    second = content.find(b"PK\x01\x02", content.find(b"PK\x01\x02") + 4)
    content[second + 42 : second + 46] = struct.pack("<I", 0)
    (tmp_path / "x.zip").write_bytes(content)
    assert_refused(tmp_path / "x.zip", target, "overlap")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [2_000_000, 300_000_000, 8**11 - 1])
def test_a_tar_header_of_absurd_size_is_refused(
    kind: bytes, size: int, tmp_path: Path, target: Path
) -> None:
    """tarfile reads such a header into memory as one piece, whatever its size."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = kind, size
    with gzip.open(tmp_path / "x.tgz", "wb", compresslevel=1) as file:
        file.write(header.tobuf())
        file.write(bytes(1_000_000))
    assert_refused(tmp_path / "x.tgz", target, "absurd size")


def test_nested_headers_without_end_are_refused(tmp_path: Path, target: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 0
    with gzip.open(tmp_path / "x.tgz", "wb") as file:
        file.write(header.tobuf() * 5000)
    assert_refused(tmp_path / "x.tgz", target, "broken|damaged|absurd")


@pytest.mark.parametrize(
    "headers",
    [
        {"path": "../../evil.jpg"},
        {"path": "/tmp/evil.jpg"},
        {"path": "flowers/rose/a\0.jpg"},
        {"size": "-5"},
        {"size": "99999999999999999999"},
        {"GNU.sparse.map": "0,1,x,y"},
        {"GNU.sparse.map": "0," + "9" * 5000},
        {"GNU.sparse.size": "999999999999", "GNU.sparse.map": "0,1"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "99"},
        {"GNU.sparse.name": "../../evil.jpg"},
    ],
)
def test_extended_headers_that_lie_are_refused(
    headers: dict[str, str], tmp_path: Path, target: Path
) -> None:
    entry = tarfile.TarInfo("flowers/rose/9.jpg")
    entry.pax_headers = headers
    archive = write_tar_entries(tmp_path / "x.tgz", entry)
    assert_refused(archive, target, "refused|broken")
    assert not (tmp_path / "evil.jpg").exists()


def test_a_sparse_file_is_refused(tmp_path: Path, target: Path) -> None:
    """512 bytes that stand for 8 GB of zeros."""
    entry = tarfile.TarInfo("flowers/rose/hole.jpg")
    entry.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = b"%011o\0%011o\0" % (0, 0)
    block[483:495] = b"%011o\0" % (8**11 - 1)
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    (tmp_path / "x.tar").write_bytes(bytes(block) + bytes(1024))
    assert_refused(tmp_path / "x.tar", target, "link or a device")


@pytest.mark.parametrize("size", [-512, -1, -(2**62)])
def test_a_negative_size_is_refused(size: int, tmp_path: Path, target: Path) -> None:
    header = tarfile.TarInfo("flowers/rose/1.jpg")
    header.size = size
    block = header.tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "x.tar").write_bytes(block + bytes(1024))
    assert_refused(tmp_path / "x.tar", target, "negative size|broken|damaged")


def test_a_negative_header_size_does_not_go_round_for_ever(tmp_path: Path, target: Path) -> None:
    """CVE-2025-8194: the next header is looked for before this one."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, -1024
    (tmp_path / "x.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    assert_refused(tmp_path / "x.tar", target, "refused|broken")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"flowers/rose/large.bmp": bytes(1_000_001)}, "1 MB allowed"),
        ({f"flowers/{number}.txt": b"" for number in range(50)}, "more than 50 members"),
    ],
)
def test_too_much_is_refused(
    more: dict[str, bytes], why: str, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_ARCHIVE_LIMIT_MB", "1")
    monkeypatch.setattr(archives, "MEMBER_LIMIT", 50)
    for write in (write_zip, write_tar):
        assert_refused(write(tmp_path / "x", list_good_members() | more), target, why)


def test_a_directory_of_too_many_members_is_not_even_read(tmp_path: Path, target: Path) -> None:
    """A million entries of 46 bytes would become gigabytes of objects."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, 0, *[0] * 14)
    directory = entry * 100_001
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 7, 7, len(directory), 4, 0)
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04" + directory + end)
    assert_refused(tmp_path / "x.zip", target, "more than 100,000 members")


def test_a_directory_of_absurd_size_is_not_even_read(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "DIRECTORY_BYTES", 100)
    archive = write_zip(tmp_path / "x.zip", list_good_members())
    assert_refused(archive, target, "absurd size")


LIES = {
    "packed size of 4 GB": (20, b"\xfe\xff\xff\xff"),
    "unpacked size of 4 GB": (24, b"\xfe\xff\xff\xff"),
    "unpacked size too small": (24, b"\x05\x00\x00\x00"),
    "packed size of nothing": (20, b"\x00\x00\x00\x00"),
    "sizes in a zip64 part that is not there": (20, b"\xff" * 8),
    "wrong checksum": (16, b"\x01\x02\x03\x04"),
    "unknown packing": (10, b"\x63\x00"),
    "version of the future": (6, b"\xff\xff"),
    "strong encryption": (8, b"\x40\x00"),
    "password": (8, b"\x01\x00"),
    "contents behind the end": (42, b"\xf0\xff\xff\x7f"),
    "name longer than the directory": (28, b"\xff\xff"),
    "another name than its own header": (46, b"evil"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_zip_directory_that_lies_is_refused(lie: str, tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", list_good_members())
    assert_refused(alter_directory(archive, *LIES[lie]), target, "refused|broken")


def test_zip64_sizes_that_lie_are_refused(tmp_path: Path, target: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, content in list_good_members().items():
            entry = zipfile.ZipInfo(name)
            entry.extra = struct.pack("<HHQQ", 1, 16, 2**62, 2**62)
            archive.writestr(entry, content)
    alter_directory(tmp_path / "x.zip", 20, b"\xff" * 8)
    assert_refused(tmp_path / "x.zip", target, "allowed|overlap|broken|damaged")


def test_a_name_with_an_end_in_the_middle_is_refused(tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"flowers/rose/1_jpg": PHOTO} | list_good_members())
    archive.write_bytes(archive.read_bytes().replace(b"flowers/rose/1_jpg", b"flowers/rose/1\0jpg"))
    assert_refused(archive, target, "contains a zero byte")


def test_names_that_differ_in_capitals_are_kept_apart(tmp_path: Path, target: Path) -> None:
    """They would overwrite each other on a disk that does not tell them apart."""
    members = list_good_members() | {"flowers/daisy/0.JPG": PHOTO, "flowers/Daisy/0.jpg": PHOTO}
    layout = unpack_photos(write_zip(tmp_path / "x.zip", members), target)
    assert len({photo.file for photo in layout.photos}) == len(list(target.iterdir())) == 6
    assert {photo.class_name for photo in layout.photos} == {"daisy", "Daisy", "rose"}


def test_a_path_that_occurs_twice_counts_once(tmp_path: Path, target: Path) -> None:
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as archive:
        for name, content in [*list_good_members().items(), ("flowers/rose/0.jpg", PHOTO)]:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    layout = unpack_photos(tmp_path / "x.tgz", target)
    assert {p.path: p.file for p in layout.photos}["flowers/rose/0.jpg"].read_bytes() == PHOTO
    assert any("1 path" in note for note in layout.notes)


def test_a_file_that_is_a_folder_too_is_harmless(tmp_path: Path, target: Path) -> None:
    members = list_good_members() | {"flowers/rose/a.jpg": PHOTO, "flowers/rose/a.jpg/b.jpg": PHOTO}
    assert len(unpack_photos(write_tar(tmp_path / "x.tgz", members), target).photos) == 6


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_an_empty_archive_is_refused(
    write: Callable[..., Path], tmp_path: Path, target: Path
) -> None:
    with pytest.raises(archives.SourceRefused, match="no photos"):
        unpack_photos(write(tmp_path / "x", {}), target)


def test_a_damaged_gzip_is_refused(tmp_path: Path, target: Path) -> None:
    flipped = bytearray(write_tar(tmp_path / "x.tgz", list_good_members()).read_bytes())
    flipped[len(flipped) // 2] ^= 0xFF
    for content in (bytes(flipped), gzip.compress(b"no archive" * 1000)):
        (tmp_path / "x.tgz").write_bytes(content)
        assert_refused(tmp_path / "x.tgz", target, "broken|damaged")


def test_a_damaged_header_midway_does_not_pass_for_the_end(tmp_path: Path, target: Path) -> None:
    content = bytearray(write_tar(tmp_path / "x.tar", list_good_members(), "w:").read_bytes())
    last = content.rfind(b"flowers/rose/1.jpg")
    content[last + 148] ^= 0xFF
    (tmp_path / "x.tar").write_bytes(content)
    assert_refused(tmp_path / "x.tar", target, "broken|damaged")


def test_a_header_that_takes_hours_to_read_is_refused(tmp_path: Path, target: Path) -> None:
    """CVE-2024-6232: a long number costs the square of its length."""
    entry = tarfile.TarInfo("flowers/rose/9.jpg")
    entry.pax_headers = {"comment": "1" * 50_000}
    assert_refused(write_tar_entries(tmp_path / "x.tgz", entry), target, "malicious")


def test_a_disk_that_is_full_midway_leaves_nothing(tmp_path: Path, target: Path) -> None:
    """In a process of its own, whose files may not grow beyond 100 KB (as on a full disk)."""
    members = list_good_members() | {"flowers/rose/large.bmp": os.urandom(300_000)}
    archive = write_zip(tmp_path / "x.zip", members)
    code = (
        "import sys; from pathlib import Path; from data.sources.archive import unpack_photos\n"
        "try: unpack_photos(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except OSError as error: print(error.errno)"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(archive), str(target)],
        cwd=PROJECT_ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "27"
    assert list(target.iterdir()) == []


def test_names_of_many_megabytes_do_not_fill_the_memory(tmp_path: Path, target: Path) -> None:
    """They compress a thousandfold, and count for nothing among the sizes of members."""
    with gzip.open(tmp_path / "x.tgz", "wb", compresslevel=1) as file:
        for number in range(1000):
            entry = tarfile.TarInfo("x")
            entry.pax_headers = {"comment": f"{number} " * 20_000}
            file.write(entry.tobuf(tarfile.PAX_FORMAT))
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from core.errors import ArchiveRefused, SourceRefused\n"
        "from data.sources.archive import unpack_photos\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: unpack_photos(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except SourceRefused: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x.tgz"), str(target)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 15_000, "in KB; all headers together have 60 MB"

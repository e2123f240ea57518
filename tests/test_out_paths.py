"""Where a result is to go is checked before any work."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from llminit.errors import ConfigError, LLMInitError, StorageError
from llminit.out_paths import check_out_file, check_out_folder
from llminit.storage import replacing_file, replacing_folder
from planted import everything_under

Check = Callable[[Path], object]


def write_file(path: Path) -> None:
    with replacing_file(path) as temporary:
        temporary.write_bytes(b"x")


def write_folder(path: Path) -> None:
    with replacing_folder(path):
        pass


CHECKS: list[Check] = [check_out_file, check_out_folder, write_file, write_folder]


def bad(folder: Path, kind: str) -> Path:
    """Return a path that can never be written, or whose parents cannot."""
    (folder / "file").write_bytes(b"precious")
    (folder / "loop").symlink_to(folder / "pool")
    (folder / "pool").symlink_to(folder / "loop")
    return {
        "a long name": folder / ("n" * 256),
        "a name that leaves no room": folder / ("n" * 240),
        "a long name of many bytes": folder / ("\u00e9" * 120),
        "a long name on the way": folder / ("n" * 256) / "x",
        "a long path": folder.joinpath(*["n" * 100] * 50),
        "not UTF-8": folder / os.fsdecode(b"caf\xe9"),
        "a null character": folder / "a\0b",
        "inside a file": folder / "file" / "x",
        "deep inside a file": folder / "file" / "x" / "y",
        "a circle of links": folder / "loop",
        "below a circle of links": folder / "loop" / "x",
    }[kind]


KINDS = {
    "a long name": "256 bytes, expected at most 200",
    "a name that leaves no room": "240 bytes",
    "a long name of many bytes": "240 bytes",
    "a long name on the way": "256 bytes, expected at most 255",
    "a long path": "the path .* expected at most 3500",
    "not UTF-8": "not valid UTF-8",
    "a null character": "null character",
    "inside a file": "is a file",
    "deep inside a file": "is a file",
    "a circle of links": "links lead in a circle",
    "below a circle of links": "links lead in a circle",
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("kind", KINDS)
def test_paths_that_can_never_be_written(tmp_path: Path, kind: str, check: Check) -> None:
    """A path that can never be written is refused with the reason, by the check and by the writers; nothing is left."""
    path = bad(tmp_path, kind)
    before = {name.name for name in tmp_path.iterdir()}
    with pytest.raises(StorageError, match=KINDS[kind]) as refused:
        check(path)
    assert "choose" in str(refused.value)
    str(refused.value).encode()  # It can be printed.
    assert {name.name for name in tmp_path.iterdir()} == before
    assert (tmp_path / "file").read_bytes() == b"precious"


def test_the_other_kind(tmp_path: Path) -> None:
    """A folder is no name for a file, and a file none for a folder."""
    (tmp_path / "file").write_bytes(b"precious")
    with pytest.raises(StorageError, match="it is a folder"):
        check_out_file(tmp_path)
    with pytest.raises(StorageError, match="it is a file"):
        check_out_folder(tmp_path / "file")


@pytest.mark.parametrize("check", [check_out_file, check_out_folder])
def test_paths_that_can_be_written(tmp_path: Path, check: Check) -> None:
    """New names, missing parents, long names and links to what does not exist yet are fine, and nothing is created."""
    (tmp_path / "link").symlink_to(tmp_path / "later" / "on")
    for path in (tmp_path / "x", tmp_path / "a" / "b" / "c", tmp_path / ("n" * 200), tmp_path / "link"):
        check(path)
    assert everything_under(tmp_path).keys() == {"link"}


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    """What the check lets through, the writers can write."""
    write_file(tmp_path / ("n" * 196 + ".csv"))
    write_folder(tmp_path / ("n" * 200))
    assert {len(path.name) for path in tmp_path.iterdir()} == {200}


@pytest.mark.parametrize("check", [check_out_file, check_out_folder])
@pytest.mark.parametrize("missing", [False, True])
def test_folders_without_permission(tmp_path: Path, missing: bool, check: Check, nobody: Callable[[], None]) -> None:
    """A folder in which nothing may be created is named, also where it is a parent's parent."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    nobody()
    with pytest.raises(StorageError, match=r"Permission denied.*check the permissions of .*closed"):
        check(closed / "deep" / "x" if missing else closed / "x")


def test_a_folder_that_is_read_only_itself(tmp_path: Path, nobody: Callable[[], None]) -> None:
    """A results folder that exists and may not be written to is refused too, and one that may not be entered."""
    for mode, name in ((0o555, "shown"), (0o000, "hidden")):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    nobody()
    for path in (tmp_path / "shown", tmp_path / "hidden", tmp_path / "hidden" / "x"):
        with pytest.raises(StorageError, match="Permission denied"):
            check_out_folder(path)


def test_an_input_is_never_replaced(tmp_path: Path) -> None:
    """An output that is an input is refused, by whatever name; an input that is missing is not this check's matter."""
    (tmp_path / "items.csv").write_bytes(b"precious")
    (tmp_path / "link.csv").symlink_to(tmp_path / "items.csv")
    os.link(tmp_path / "items.csv", tmp_path / "hard.csv")
    for name in ("items.csv", "link.csv", "hard.csv"):
        with pytest.raises(ConfigError, match=r"it is the input .*items\.csv, which would be lost"):
            check_out_file(tmp_path / name, [tmp_path / "none.csv", tmp_path / "items.csv"])
    check_out_file(tmp_path / "other.csv", [tmp_path / "none.csv", tmp_path / "items.csv"])


def test_every_error_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the system says when something is created there, it comes out as one of our errors."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(LLMInitError, match="Read-only file system"):
        check_out_folder(tmp_path / "x")

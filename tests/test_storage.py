"""Atomic writes of files and folders."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import pytest

from llminit.errors import StorageError
from llminit.exchange import exchanged
from llminit.storage import check_replaceable, remove_leftovers, replacing_file, replacing_folder
from planted import everything_under

Writer: TypeAlias = Callable[[Path], AbstractContextManager[Path]]

BEFORE = {"old": b"old"}


class Boom(Exception):
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old").write_bytes(b"old")
    return tmp_path


@pytest.mark.parametrize("name", ["new.csv", "deep/er/new.csv"])
def test_a_file_appears_only_when_it_is_whole(folder: Path, name: str) -> None:
    """The file is at its name after the block, not before, and nothing else is left; its folder is made."""
    with replacing_file(folder / name) as temporary:
        temporary.write_bytes(b"new")
        assert temporary.suffix == ".csv"
        assert not (folder / name).exists()
    found = {key: value for key, value in everything_under(folder).items() if value is not None}
    assert found == BEFORE | {name: b"new"}


def test_what_a_writer_puts_beside_its_file_goes_too(folder: Path) -> None:
    """Some writers make temporary files of their own, in the folder that they write to."""
    with replacing_file(folder / "new") as temporary:
        temporary.write_bytes(b"new")
        temporary.with_name(".tmp123456").write_bytes(b"half")
    assert everything_under(folder) == BEFORE | {"new": b"new"}


def test_a_file_is_replaced_as_a_whole(folder: Path) -> None:
    """What was there stays until the block has ended well."""
    with replacing_file(folder / "old") as temporary:
        temporary.write_bytes(b"new")
        assert (folder / "old").read_bytes() == b"old"
    assert everything_under(folder) == {"old": b"new"}


def fail_in(writer: Writer, path: Path, error: BaseException | type[BaseException]) -> None:
    with writer(path) as temporary:
        (temporary if writer is replacing_file else temporary / "part").write_bytes(b"half")
        raise error


@pytest.mark.parametrize("writer", [replacing_file, replacing_folder])
@pytest.mark.parametrize("error", [Boom, KeyboardInterrupt])
def test_an_error_in_the_block_leaves_everything(folder: Path, writer: Writer, error: type[BaseException]) -> None:
    """Whatever is raised in the block passes through, and the folder is as it was."""
    with pytest.raises(error):
        fail_in(writer, folder / "new", error)
    assert everything_under(folder) == BEFORE


@pytest.mark.parametrize("writer", [replacing_file, replacing_folder])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "denied")])
def test_a_write_error_is_a_storage_error(folder: Path, writer: Writer, error: OSError) -> None:
    """An error of the system becomes a StorageError that names the path, the reason and what to do."""
    with pytest.raises(StorageError, match=r"cannot write .*new.*(No space|denied).*Free some space"):
        fail_in(writer, folder / "new", error)
    assert everything_under(folder) == BEFORE


def test_a_parent_that_is_a_file(folder: Path) -> None:
    """A path below a file cannot be written, and says so."""
    with pytest.raises(StorageError, match="cannot write"), replacing_file(folder / "old" / "new"):
        pass


def test_a_folder_replaces_an_earlier_one(folder: Path) -> None:
    """A folder with the same kind of content is replaced as a whole, and an empty one is filled."""
    for content in (b"1", b"2"):
        with replacing_folder(folder / "f") as temporary:
            (temporary / "sub").mkdir()
            (temporary / "sub" / "a").write_bytes(content)
    assert everything_under(folder) == BEFORE | {"f": None, "f/sub": None, "f/sub/a": b"2"}


@pytest.mark.parametrize("make", [lambda path: path.write_text("x"), lambda path: (path / "mine").mkdir(parents=True)])
def test_other_things_are_never_replaced(folder: Path, make: Callable[[Path], object]) -> None:
    """A file, or a folder that holds anything of another name, is refused and untouched."""
    make(folder / "f")
    before = everything_under(folder)
    with pytest.raises(StorageError, match="choose another path"), replacing_folder(folder / "f") as temporary:
        (temporary / "a").write_bytes(b"1")
    assert everything_under(folder) == before


def test_a_file_never_replaces_a_folder(folder: Path) -> None:
    """Where a folder is, no file is written."""
    (folder / "f").mkdir()
    with pytest.raises(StorageError, match="it is a folder"), replacing_file(folder / "f"):
        pass
    assert everything_under(folder) == BEFORE | {"f": None}


def test_a_link_stays_a_link(folder: Path) -> None:
    """What a link points to is replaced, not the link."""
    (folder / "target").mkdir()
    (folder / "link").symlink_to(folder / "target", target_is_directory=True)
    with replacing_folder(folder / "link") as temporary:
        (temporary / "a").write_bytes(b"1")
    assert (folder / "link").is_symlink()
    assert (folder / "target" / "a").read_bytes() == b"1"
    assert {path.name for path in folder.iterdir()} == {"old", "link", "target"}


@pytest.mark.parametrize("name", [".", ".."])
def test_the_working_folder_is_never_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The folder that one works in, and those around it, are refused, even where they are empty."""
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    with pytest.raises(StorageError, match="where you work"), replacing_folder(Path(name)):
        pass
    assert everything_under(folder) == BEFORE | {"here": None}


def test_a_swap_that_fails_brings_the_old_folder_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where folders cannot change places in one step and the new one cannot be moved, the old one is there again."""
    monkeypatch.setattr("llminit.storage.exchanged", lambda *_: False)
    with replacing_folder(folder / "f") as temporary:
        (temporary / "a").write_bytes(b"1")
    rename = type(folder).rename

    def fail(path: Path, target: Path) -> Path:
        if target == folder / "f" and (path / "a").read_bytes() == b"2":
            raise OSError(5, "broken")
        return rename(path, target)

    monkeypatch.setattr(type(folder), "rename", fail)
    with pytest.raises(StorageError, match="broken"), replacing_folder(folder / "f") as temporary:
        (temporary / "a").write_bytes(b"2")
    assert everything_under(folder) == BEFORE | {"f": None, "f/a": b"1"}


def test_a_reader_always_finds_a_folder(folder: Path) -> None:
    """While folders are replaced over and over, there is at no moment none: a kill at any time leaves one."""
    one = folder / "one"
    other = folder / "other"
    for path, text in ((one, "1"), (other, "2")):
        path.mkdir()
        (path / "a").write_text(text)
    if not exchanged(one, other):
        pytest.skip("this file system cannot exchange folders")
    assert ((one / "a").read_text(), (other / "a").read_text()) == ("2", "1")
    done = threading.Event()
    missed = []

    def watch() -> None:
        while not done.is_set():
            missed.extend([True] * (not one.exists()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(200):
        with replacing_folder(one) as temporary:
            (temporary / "a").write_text(str(number))
    done.set()
    watcher.join()
    assert not missed
    assert (one / "a").read_text() == "199"
    assert set(everything_under(folder)) == {"old", "one", "one/a", "other", "other/a"}


def test_leftovers_of_killed_processes(folder: Path) -> None:
    """Only the temporary files and folders of this very path are removed."""
    kept = [".a[1].safetensors", ".b.12345678.partial.csv", ".a[1].12345678.partial.json", ".a[1].1.partial.csv"]
    for name in (".a[1].12345678.partial.csv", *kept):
        (folder / name).write_bytes(b"")
    (folder / ".folder.abcdef01.partial").mkdir()
    (folder / ".a[1].23456789.partial.csv").mkdir()
    (folder / ".a[1].23456789.partial.csv" / ".tmp123456").write_bytes(b"half")
    remove_leftovers(folder / "a[1].csv")
    remove_leftovers(folder / "folder")
    assert set(everything_under(folder)) == {"old", *kept}


def test_check_replaceable(folder: Path) -> None:
    """A folder is replaceable if all its names are among those given, or if it is not there."""
    check_replaceable(folder, {"old", "more"})
    check_replaceable(folder / "none", set())
    with pytest.raises(StorageError, match="'old'"):
        check_replaceable(folder, {"new"})

"""Downloads: resumed, checked and kept; all from a server on this machine."""

import hashlib
from pathlib import Path

import pytest

from file_server import NOWHERE, Notes, Server
from llminit.data.sources.fetch import download
from llminit.errors import EndpointError

pytestmark = pytest.mark.usefixtures("pauses")

CONTENT = bytes(range(256)) * 50


def test_a_download_is_kept(server: Server, tmp_path: Path) -> None:
    """A file is fetched once; the second time it is there already, and only its digest lies beside it."""
    server.files["/a.bin"] = CONTENT
    for _ in range(2):
        path = download(f"{server.url}/a.bin", tmp_path / "deep" / "a.bin")
        assert path.read_bytes() == CONTENT
    assert server.requests == [None]
    assert {file.name for file in path.parent.iterdir()} == {"a.bin", "a.bin.sha256"}


def test_a_broken_download_is_resumed(server: Server, tmp_path: Path) -> None:
    """When the connection ends early, the next attempt asks only for the rest."""
    server.files["/a.bin"] = CONTENT
    server.cut = [5000, 3000]
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.requests == [None, "bytes=5000-", "bytes=8000-"]


def test_a_killed_download_is_resumed_by_the_next_run(server: Server, tmp_path: Path) -> None:
    """What an earlier run had received is not fetched again."""
    server.files["/a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:7000])
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.requests == ["bytes=7000-"]


def test_a_killed_download_that_was_complete(server: Server, tmp_path: Path) -> None:
    """A run killed just before its file was moved into place has nothing left to fetch."""
    server.files["/a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_part_that_does_not_fit_is_dropped(server: Server, tmp_path: Path) -> None:
    """A partial file longer than the file on the server is fetched from the start."""
    server.files["/a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"more")
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_server_without_ranges(server: Server, tmp_path: Path) -> None:
    """A server that ignores the range sends the whole file, and that is what is kept."""
    server.files["/a.bin"], server.ranges = CONTENT, False
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:7000])
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_busy_server_is_retried_with_growing_pauses(server: Server, tmp_path: Path, pauses: list[float]) -> None:
    """Overload and server errors are waited out, for twice as long each time."""
    server.files["/a.bin"], server.fail = CONTENT, [503, 429]
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT
    assert pauses == [0.5, 1.0]


def test_a_missing_file_is_not_retried(server: Server, tmp_path: Path) -> None:
    """A 404 fails at once, naming the address, and where to place the file by hand; nothing is written."""
    with pytest.raises(EndpointError, match=rf"cannot fetch {server.url}/no.bin: .*404.*place it at .*no.bin"):
        download(f"{server.url}/no.bin", tmp_path / "no.bin")
    assert server.requests == [None]
    assert not list(tmp_path.iterdir())


def test_an_unreachable_server(tmp_path: Path, pauses: list[float]) -> None:
    """A refused connection is tried a few times and then explained."""
    with pytest.raises(EndpointError, match="check the connection"):
        download(f"{NOWHERE}/a.bin", tmp_path / "a.bin", attempts=3)
    assert len(pauses) == 2


DIGEST = hashlib.sha256(CONTENT).hexdigest()
OTHER = CONTENT[::-1]
OTHER_DIGEST = hashlib.sha256(OTHER).hexdigest()


def test_a_known_digest_is_checked(server: Server, tmp_path: Path) -> None:
    """A file with the right digest is kept without a record, and found again without the network."""
    server.files["/a.bin"] = CONTENT
    notes = Notes()
    for _ in range(2):
        path = download(f"{server.url}/a.bin", tmp_path / "a.bin", notes, sha256=DIGEST)
        assert path.read_bytes() == CONTENT
    assert (server.requests, notes.messages) == ([None], [])
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_another_file_is_refused(server: Server, tmp_path: Path) -> None:
    """A file with another digest is not kept; the error shows both digests and what to do, without a second request."""
    server.files["/a.bin"] = OTHER
    with pytest.raises(EndpointError, match=rf"SHA-256 {OTHER_DIGEST}, expected {DIGEST}; .* place the right file at"):
        download(f"{server.url}/a.bin", tmp_path / "a.bin", sha256=DIGEST)
    assert server.requests == [None]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sha256", [DIGEST, None], ids=["known", "recorded"])
def test_a_damaged_file_is_fetched_again(server: Server, tmp_path: Path, sha256: str | None) -> None:
    """A file that was damaged since it was fetched is removed with a note, and fetched again."""
    server.files["/a.bin"] = CONTENT
    path = download(f"{server.url}/a.bin", tmp_path / "a.bin", sha256=sha256)
    path.write_bytes(CONTENT[:-1])
    notes = Notes()
    assert download(f"{server.url}/a.bin", path, notes, sha256=sha256).read_bytes() == CONTENT
    (message,) = notes.messages
    assert f"{path} is damaged or of another version" in message
    assert f"expected {DIGEST}" in message
    assert server.requests == [None, None]


def test_the_first_download_is_trusted(server: Server, tmp_path: Path) -> None:
    """Its digest is written as sha256sum does; another file later is refused until the record is removed."""
    server.files["/a.bin"] = CONTENT
    path = download(f"{server.url}/a.bin", tmp_path / "a.bin")
    record = tmp_path / "a.bin.sha256"
    assert record.read_text(encoding="utf-8") == f"{DIGEST}  a.bin\n"
    path.unlink()
    server.files["/a.bin"] = OTHER
    with pytest.raises(EndpointError, match=rf"expected that of the first download, {DIGEST}; .*remove .*bin\.sha256"):
        download(f"{server.url}/a.bin", path)
    assert [file.name for file in tmp_path.iterdir()] == [record.name]
    record.unlink()
    assert download(f"{server.url}/a.bin", path).read_bytes() == OTHER
    assert record.read_text(encoding="utf-8") == f"{OTHER_DIGEST}  a.bin\n"


@pytest.mark.parametrize("record", [None, b"", b"no digest", b"\xff"])
def test_a_file_without_a_record(tmp_path: Path, record: bytes | None) -> None:
    """A file placed by hand, or by an earlier version, is taken, and from then on held to what it was."""
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    if record is not None:
        (tmp_path / "a.bin.sha256").write_bytes(record)
    assert download(f"{NOWHERE}/a.bin", path) == path
    path.write_bytes(OTHER)
    with pytest.raises(EndpointError, match="cannot fetch"):
        download(f"{NOWHERE}/a.bin", path, attempts=1)
    assert not path.exists()


def test_a_cache_that_cannot_be_written_can_be_used(tmp_path: Path) -> None:
    """Where no digest can be recorded, a file that is there is taken as it is."""
    (tmp_path / "a.bin").write_bytes(CONTENT)
    (tmp_path / "a.bin.sha256").mkdir()
    assert download(f"{NOWHERE}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT


def test_what_an_earlier_run_had_of_another_version(server: Server, tmp_path: Path) -> None:
    """A beginning that does not lead to the right file is dropped, and the file fetched from the start."""
    server.files["/a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(OTHER[:7000])
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin", sha256=DIGEST).read_bytes() == CONTENT
    assert server.requests == ["bytes=7000-", None]

"""Where exports go: what is refused before any work, what is replaced, and what a kill or a full disk leaves."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from exported import sample
from llminit import Recommender
from llminit.errors import ArtefactError, ConfigError, InputError, MissingExtraError, StorageError
from llminit.export import TARGETS, Client, export
from llminit.models.serving import ItemModel
from planted import everything_under

IN_FOLDERS = sorted(TARGETS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"to": "fais"}, r"unknown target 'fais' \(did you mean 'faiss'\?\); choose one of: faiss, implicit, "),
        ({"form": "cos"}, r"form='cos' cannot be used, expected one of: dot, cosine"),
        ({"to": "torch", "form": "cosine"}, r"form='cosine' is not for torch, expected 'dot'"),
        ({"out": "s3://bucket/x"}, r"an address of the kind s3://, expected a folder for npy; give one"),
        (
            {"to": "pgvector", "out": "mysql://x"},
            r"kind mysql://, expected a folder for pgvector, or an address.*postgre",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, options: dict[str, str], words: str) -> None:
    """Targets, forms and addresses that are not known are refused before the recommender is read."""
    given = {"to": "npy", "out": str(tmp_path / "o")} | options
    with pytest.raises(ConfigError, match=words):
        export(tmp_path / "none", **given)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_no_recommender(tmp_path: Path) -> None:
    """A folder without a recommender is named."""
    with pytest.raises(ArtefactError, match="there is no folder"):
        export(tmp_path / "none", "npy", tmp_path / "o")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", IN_FOLDERS)
def test_models_without_embeddings(tmp_path: Path, to: str) -> None:
    """A model of items alone is refused by every target, with what to do."""
    made = sample()
    model = ItemModel([(made.seen.T @ made.seen, None)], made.seen.sum(axis=0))
    with pytest.raises(
        ConfigError, match=r"form 'item-model' and has no embeddings; fit a backbone .*backbone='softmax'"
    ):
        export(Recommender(made.users, made.items, model, made.seen), to, tmp_path / "o")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", IN_FOLDERS)
def test_a_missing_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str) -> None:
    """Where a target's library is missing, the message has the pip command; the others need none."""
    monkeypatch.setattr("llminit.export.target.find_spec", lambda _: None)
    client = TARGETS[to]().needed_client(None)
    assert (client is not None) == (to in {"faiss", "lancedb", "qdrant", "usearch"})
    if client is None:
        export(sample(), to, tmp_path / "o")
        return
    with pytest.raises(MissingExtraError, match=rf"pip install '{client.package}' .*pip install 'llminit\[export\]'"):
        export(sample(), to, tmp_path / "o")
    assert list(tmp_path.iterdir()) == []


def test_a_database_needs_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing to a database, unlike a file for it, needs a library."""
    monkeypatch.setattr("llminit.export.target.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'psycopg\[binary\]'"):
        export(sample(), "pgvector", "postgresql://nobody@localhost/none")


@pytest.mark.parametrize("to", IN_FOLDERS)
def test_an_export_is_replaced_as_a_whole_and_only_when_asked(
    tmp_path: Path, recommender: Recommender, to: str
) -> None:
    """A second export is refused; with overwrite it leaves what a first one would, and no temporary files."""
    pytest.importorskip((TARGETS[to].client or Client("numpy", "")).module, reason="its client is not installed")
    export(recommender, "npy", tmp_path / "o")
    before = everything_under(tmp_path)
    with pytest.raises(ConfigError, match=r"holds an earlier export; choose another path, or pass overwrite"):
        export(recommender, to, tmp_path / "o")
    assert everything_under(tmp_path) == before
    export(recommender, to, tmp_path / "o", overwrite=True)
    export(recommender, to, tmp_path / "o", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["o"]
    assert to != "npy" or everything_under(tmp_path) == before
    assert to == "npy" or not (tmp_path / "o" / "users.npy").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_other_things_are_never_replaced(tmp_path: Path, saved: Path, overwrite: bool) -> None:
    """A folder of something else, such as the recommender itself, and an export with more in it stay as they are."""
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "thesis.tex").write_text("precious")
    with pytest.raises(ConfigError, match="is not an earlier export"):
        export(saved, "npy", tmp_path / "o", overwrite=overwrite)
    before = everything_under(saved)
    with pytest.raises(ConfigError, match="is not an earlier export"):
        export(saved, "npy", saved, overwrite=overwrite)
    assert everything_under(saved) == before
    export(saved, "npy", tmp_path / "p")
    (tmp_path / "p" / "thesis.tex").write_text("precious")
    with pytest.raises(InputError if not overwrite else StorageError):
        export(saved, "npy", tmp_path / "p", overwrite=overwrite)
    assert (tmp_path / "p" / "thesis.tex").read_text() == "precious"


def test_an_unreadable_list_is_not_guessed(tmp_path: Path, recommender: Recommender) -> None:
    """Without the list of what an earlier export wrote, nothing is replaced."""
    export(recommender, "npy", tmp_path / "o")
    (tmp_path / "o" / "export.json").write_text("{")
    with pytest.raises(StorageError, match=r"export.json cannot be read.*choose another path"):
        export(recommender, "npy", tmp_path / "o", overwrite=True)


def test_an_unwritable_folder(tmp_path: Path, saved: Path, nobody: Callable[[], None]) -> None:
    """Where nothing may be created, the message says so, before the recommender is read."""
    (tmp_path / "closed").mkdir(mode=0o555)
    nobody()
    with pytest.raises(StorageError, match="check the permissions"):
        export(tmp_path / "none", "npy", tmp_path / "closed" / "o")


KILLED = """
import sys, time
from pathlib import Path
from llminit.export import TARGETS, Target, export

@TARGETS.register
class Slow(Target):
    name = "slow"
    def write(self, content, folder):
        (folder / "half").write_text("half")
        Path(sys.argv[3]).touch()
        time.sleep(600)

export(sys.argv[1], "slow", sys.argv[2], overwrite=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of POSIX systems")
@pytest.mark.parametrize("earlier", [False, True])
def test_a_killed_export(tmp_path: Path, saved: Path, earlier: bool) -> None:
    """After SIGKILL half-way, what was there is as it was; the next export removes what the killed one left."""
    if earlier:
        export(saved, "npy", tmp_path / "o")
    before = everything_under(tmp_path / "o")
    command = [sys.executable, "-c", KILLED, saved, tmp_path / "o", tmp_path / "started"]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 90
    while not (tmp_path / "started").exists() and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.01)
    with pytest.raises(StorageError, match=r"another export to .* is running"):
        export(saved, "npy", tmp_path / "o", overwrite=True)
    process.send_signal(signal.SIGKILL)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, messages
    assert everything_under(tmp_path / "o") == before
    assert (tmp_path / "o").exists() == earlier
    export(saved, "safetensors", tmp_path / "o", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o", "started"]


LIMITED = """
import json, resource, sys
from llminit.errors import StorageError
from llminit.export import TARGETS, export

found = {}
for name in sys.argv[3:]:
    TARGETS[name]().check("dot")
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
for name in sys.argv[3:]:
    try:
        export(sys.argv[1], name, f"{sys.argv[2]}/{name}")
    except StorageError as error:
        found[name] = str(error)
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits a process as POSIX systems do")
def test_a_file_that_may_not_grow(tmp_path: Path, saved: Path) -> None:
    """Where a write fails in the middle, each target says what it could not write, and leaves nothing of it."""
    names = [name for name in IN_FOLDERS if (client := TARGETS[name].client) is None or installed(client)]
    (tmp_path / "d").mkdir()
    command = [sys.executable, "-c", LIMITED, saved, tmp_path / "d", *names]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == set(names)
    for name, message in found.items():
        assert f"cannot write {tmp_path / 'd' / name}" in message
        assert "Free some space" in message
    assert list((tmp_path / "d").iterdir()) == []


def installed(client: Client) -> bool:
    return find_spec(client.module) is not None

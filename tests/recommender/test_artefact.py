"""Artefacts: a named layout with checksums, and never pickle."""

import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import llminit
from llminit.errors import ArtefactError, StorageError
from llminit.recommender.artefact import Artefact, read_artefact, write_artefact

SOURCE = Path(llminit.__file__).parent
ENDINGS = {".safetensors", ".parquet", ".json"}


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    rows = np.arange(24, dtype=np.float32).reshape(4, 6)
    return Artefact(
        "thing",
        arrays={
            "one": {"plain": rows, "fortran": np.asfortranarray(rows), "strided": rows[:, ::2], "transposed": rows.T}
        },
        tables={"ids": pl.DataFrame({"id": ["ü", "日本", ""], "day": [date(2020, 1, 1), None, date(1, 1, 1)]})},
        documents={"report": {"metrics": {"recall@10": 0.1}, "none": None, "text": "„ü“"}},
    )


@pytest.fixture(scope="module")
def saved(artefact: Artefact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved artefact; do not write to it."""
    folder = tmp_path_factory.mktemp("saved") / "a"
    write_artefact(folder, artefact, "1.2.3")
    return folder


def test_round_trip(artefact: Artefact, saved: Path) -> None:
    """What is read is what was written, whatever the arrays' memory order."""
    found = read_artefact(saved, "thing")
    assert found.documents == artefact.documents
    assert_frame_equal(found.tables["ids"], artefact.tables["ids"])
    for name, array in artefact.arrays["one"].items():
        np.testing.assert_array_equal(found.arrays["one"][name], array)
        assert found.arrays["one"][name].dtype == array.dtype


def test_the_layout(saved: Path) -> None:
    """The manifest names every other file with size and checksum, and there is nothing but the three formats."""
    manifest = json.loads((saved / "manifest.json").read_text())
    assert (manifest["kind"], manifest["layout_version"], manifest["llminit_version"]) == (
        "thing",
        1,
        "1.2.3",
    )
    files = {path.name for path in saved.iterdir()}
    assert files == {*manifest["files"], "manifest.json"}
    assert {Path(name).suffix for name in files} <= ENDINGS


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_any_damaged_byte_is_noticed(saved: Path, artefact: Artefact, data: st.DataObject) -> None:
    """One changed byte anywhere, or a file cut anywhere, is an ArtefactError, or harmless in the manifest."""
    name = data.draw(st.sampled_from(sorted(path.name for path in saved.iterdir())))
    content = bytearray((saved / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    folder = saved.parent / "damaged"
    shutil.copytree(saved, folder, dirs_exist_ok=True)
    (folder / name).write_bytes(content)
    try:
        found = read_artefact(folder, "thing")
    except ArtefactError:
        return
    assert name == "manifest.json"
    assert found.documents == artefact.documents or "report.json" not in json.loads(content)["files"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "other"}, "holds a other, expected a thing"),
        ({"layout_version": 2}, r"layout version 2.*1\.2\.3.*upgrade"),
        ({"layout_version": "new"}, "damaged"),
        ({"layout_version": None}, "damaged"),
        ({"files": []}, "damaged"),
        ({"files": {"report.json": {}}}, "report.json"),
        ({"files": {"report.json": 3}}, "report.json"),
        ({"files": {"gone.json": {"bytes": 1, "sha256": ""}}}, "gone.json is missing"),
    ],
)
def test_manifests_that_cannot_be_used(saved: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """Another kind, a newer version, or a manifest of another form is refused, with what to do."""
    folder = shutil.copytree(saved, tmp_path / "a")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(ArtefactError, match=message):
        read_artefact(folder, "thing")


def test_folders_that_are_none(saved: Path, tmp_path: Path) -> None:
    """A missing folder, a file, and a folder without a manifest are told apart."""
    with pytest.raises(ArtefactError, match="no folder"):
        read_artefact(tmp_path / "none", "thing")
    with pytest.raises(ArtefactError, match="no folder"):
        read_artefact(saved / "manifest.json", "thing")
    with pytest.raises(ArtefactError, match=r"no manifest\.json"):
        read_artefact(tmp_path, "thing")


def test_what_cannot_be_written_leaves_the_old(saved: Path, artefact: Artefact, tmp_path: Path) -> None:
    """If writing fails, the artefact that was there is still whole."""
    folder = shutil.copytree(saved, tmp_path / "a")
    with pytest.raises(ValueError, match="JSON"):
        write_artefact(folder, Artefact("thing", documents={"report": float("nan")}), "1")
    with pytest.raises(StorageError, match="holds 2 other things"):
        write_artefact(folder, Artefact("thing", documents={"report": 1}), "1")
    assert read_artefact(folder, "thing").documents == artefact.documents
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


FORBIDDEN = re.compile(
    r"import pickle|pickle\.(load|dump)|joblib|torch\.(load|save)\(|allow_pickle=True|marshal|dill\b"
)


def test_no_pickle_in_the_source() -> None:
    """Nothing in the package reads or writes pickle, or loads what could be one."""
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not FORBIDDEN.search(text), path
        for call in re.findall(r"np\.load\([^\n]*", text):
            assert "allow_pickle=False" in call, path


def test_no_pickle_in_an_artefact(saved: Path) -> None:
    """No file of an artefact is a pickle or a zip of pickles."""
    for path in saved.iterdir():
        assert not path.read_bytes().startswith((b"\x80", b"PK")), path

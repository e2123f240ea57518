"""Digests stored in folders of earlier versions: they must not change.

Every digest here was taken from the code as it was before `llminit.checksums` existed. One that changes makes old
results, recommenders or caches unreadable or useless.
"""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
import torch
from pydantic import create_model
from safetensors import safe_open

from llminit.arrays import BoolArray, FloatArray
from llminit.comparison.fingerprints import cell_fingerprint
from llminit.config import CompareConfig, Config, FitConfig
from llminit.data import Dataset, make_dataset
from llminit.errors import ArtefactError
from llminit.pipeline.provenance import data_fingerprint, fit_fingerprint, text_fingerprint, training_fingerprint
from llminit.recommender.artefact import Artefact, write_artefact
from llminit.results import CellKey, Header, Method
from llminit.results.documents import read_document, write_document
from llminit.text import EncodingCache, TextEmbeddings
from llminit.text.catalogue import hash_of
from llminit.text.models import digest_of_folder
from llminit.text.parts import Part, read_part, write_part
from llminit.training import CheckpointFile

VALUES: FloatArray = np.arange(12, dtype=np.float32).reshape(3, 4) / np.float32(8)
MISSING: BoolArray = np.array([False, True, False])


class Record(Config):
    """A small document."""

    name: str = "ü „日本“"
    """Text that is not ASCII."""
    share: float = 0.1
    """A number without an exact binary form."""


class Options(Config):
    """Stands for the options of a fit, whose fields may grow; how they enter the digest must not change."""

    seed: int = 3
    """A number."""


def dataset(*, timed: bool) -> Dataset:
    """Two users and three items, with titles."""
    rows = {"user_id": [7, 7, 9, 9], "item_id": ["a", "ü", "a", "日"], "timestamp": [4, 3, 2, 1]}
    items = pl.DataFrame({"item_id": ["a", "ü", "日"], "title": ["A", None, "„日本“"]})
    interactions = pl.DataFrame(rows)
    return make_dataset(interactions if timed else interactions.drop("timestamp"), items if timed else None)


def text() -> TextEmbeddings:
    """Text embeddings of those items."""
    return TextEmbeddings.from_arrays(pl.Series(["a", "ü", "日"]), VALUES, MISSING)


def test_data_fingerprints() -> None:
    """The header of old results still names the same interactions."""
    assert data_fingerprint(dataset(timed=True)) == "6632fab8ddf361723a424152da813886d9b9e639c75d65f9e087847e6d632387"
    assert data_fingerprint(dataset(timed=False)) == "7eeb43fc75361807b00824a992c505f604856ff382168f05cc4dfafce82cdf0d"


def test_text_fingerprints() -> None:
    """The header of old results still names the same text embeddings."""
    assert text_fingerprint(text()) == "f6ebe2abcfe243e4c19b178b619c139f13eb87d4bd9d3d04fd9ce59f4747ca53"


def test_fit_fingerprints() -> None:
    """The report of an old recommender still names the same data and options."""
    options = cast("FitConfig", Options())
    assert (
        fit_fingerprint(options, dataset(timed=True), text())
        == "dd6b1b014d9934be45580f12f4e36319c2510fb6dfab8a90bef3688b9f8a9a18"
    )
    assert (
        fit_fingerprint(options, dataset(timed=False), None)
        == "46f6d0f635550b4c7a8dffa956da1616c00cac574756c1c460b26b8f21d69cfc"
    )


def test_options_that_came_later() -> None:
    """At their defaults, options that came after digests were stored change none; set, they do."""
    later = {"max_warm_loss", "cold_share", "cold_split", "cold_users"}
    config, data = FitConfig(seed=3), dataset(timed=True)
    assert later < set(FitConfig.model_fields)
    fields: dict[str, Any] = {name: (field.annotation, ...) for name, field in FitConfig.model_fields.items()}
    earlier = create_model("Earlier", **{name: kind for name, kind in fields.items() if name not in later})
    before = cast("FitConfig", earlier(**config.model_dump(exclude=later)))
    assert fit_fingerprint(config, data, None) == fit_fingerprint(before, data, None)
    assert training_fingerprint(config, data, None) == training_fingerprint(before, data, None)
    held_out = FitConfig(seed=3, cold_share=0.1)
    assert fit_fingerprint(held_out, data, None) != fit_fingerprint(config, data, None)
    assert training_fingerprint(held_out, data, None) != training_fingerprint(config, data, None)
    shown = FitConfig(seed=3, max_warm_loss=0.1)
    assert fit_fingerprint(shown, data, None) != fit_fingerprint(config, data, None)
    assert training_fingerprint(shown, data, None) == training_fingerprint(config, data, None)


def test_cell_fingerprints() -> None:
    """A finished cell of an old comparison is still taken for what it is."""
    header = Header(config={}, fingerprint="f", data={}, encoders={"ü": {"fingerprint": "text"}})
    config = CompareConfig(epochs=3, backbone_options={"n_layers": 2}, text="„{title}“")
    key = CellKey(model="lightgcn", init="pca", encoder="ü", embedding_size=8, seed=2)
    assert cell_fingerprint(key, config, header) == "de07d7967977e69a1b9236bbd25a9854105dce94a54999ca5abacc5dd419dd8d"
    assert (
        cell_fingerprint(CellKey(model="ease", train_share=0.5), CompareConfig(), header)
        == "749214bc0d6e0ec60dfd26c4dd3c2d67326b2530664bda21c6819f85474523b8"
    )


def test_names_of_cells() -> None:
    """A cell's file has the name that it had."""
    assert (
        Method(model="lightgcn", init="pca", encoder="st:BAAI/ü", embedding_size=8).name
        == "lightgcn_pca_st-baai-b035a631_d8"
    )
    assert Method(model="My Model" * 12).name == "my-modelmy-modelmy-modelmy-modelmy-modelmy-modelmy-modelmy-m-cde973a4"


def test_documents(tmp_path: Path) -> None:
    """A document has the checksum that it had, and one written then is read now."""
    write_document(tmp_path / "new.json", Record(), {"ranks_sha256": "0", "ü": [1, None]})
    written = (tmp_path / "new.json").read_text(encoding="utf-8")
    assert json.loads(written)["checksum"] == "c767f07028d795515ec711a3d1a571eb6b9547b2d69cd13748bf32ddbc5b957e"
    assert read_document(tmp_path / "new.json", Record, "") == Record()
    (tmp_path / "new.json").write_text(written.replace("0.1", "0.2"), encoding="utf-8")
    with pytest.raises(ArtefactError, match="checksum"):
        read_document(tmp_path / "new.json", Record, "")


def test_parts_of_the_cache(tmp_path: Path) -> None:
    """A part of an old cache still matches its checksum."""
    hashes = np.frombuffer(b"".join(map(hash_of, "abc")), dtype=np.uint8).reshape(3, 16)
    path = write_part(tmp_path, Part(hashes, np.asfortranarray(VALUES)))
    with safe_open(path, framework="numpy") as file:
        assert file.metadata()["sha256"] == "aaafecdf6ea985027309ab6f6ba8bb98d1ee7c5089457a5791c4a8c0c8d74e4d"
    np.testing.assert_array_equal(read_part(path).embeddings, VALUES)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", "e3b0c44298fc1c149afbf4c8996fb924"),
        ("ü „日本“", "e7fdb9ee18962e8fff0d4f3c8a9366e2"),
        ("half a \ud83d", "0e36ecc98b8455a590bec7f5f255a47c"),
    ],
)
def test_hashes_of_texts(words: str, expected: str) -> None:
    """A text is found in an old cache, even one that is not valid Unicode."""
    assert hash_of(words).hex() == expected


def test_sections_of_the_cache(tmp_path: Path) -> None:
    """An encoder's vectors are looked for in the folder where they were written."""
    section = EncodingCache(tmp_path).section({"encoder": "ü", "normalize": True, "dim": 8, "share": 0.5})
    assert section.folder.name == "08da8e9f5dbd3d7f999a83e34726742f"


def test_states_of_models(tmp_path: Path) -> None:
    """A model in a folder has the state that it had, so that its texts are not encoded again."""
    for name in ("config.json", "1_Pooling/config.json", "README.md", ".git/HEAD", "onnx/model.onnx", "model.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"content of {name}", encoding="utf-8")
    assert digest_of_folder(tmp_path) == "8b94819d1de6506f6a5f623f77ba857577812ae7eef3a55dd2fc010fbe1856ff"


def test_manifests(tmp_path: Path) -> None:
    """A recommender's manifest names its files by plain SHA-256."""
    write_artefact(tmp_path / "a", Artefact("thing", documents={"report": {"ü": [0.1, None]}}), "1")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text(encoding="utf-8"))
    assert (
        manifest["files"]["report.json"]["sha256"] == "d1fd46033a4ccefab0059a68ffe08abcecc1bcaa85e568904e49e882587b71ae"
    )


def test_checkpoints(tmp_path: Path) -> None:
    """A run that an earlier version was killed in goes on."""
    file = CheckpointFile(tmp_path / "c.safetensors", "this run")
    tensors = {"b": torch.arange(6.0).reshape(2, 3).T, "a": torch.tensor(3), "c": torch.ones(2, dtype=torch.bfloat16)}
    file.write(tensors, {"epoch": 1, "ü": None})
    with safe_open(file.path, framework="pt") as opened:
        assert opened.metadata()["sha256"] == "08ed01827461ca0e86c6c1251fb8e07324ff7df4fd9ee277b47127571eb372ac"
    assert file.read() is not None

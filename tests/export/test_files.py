"""Targets that are plain files: Parquet, numpy, safetensors, and torch's state dict."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from polars.testing import assert_series_equal
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_tensors

from exported import ODD_IDS, WIDTH, arrays, sample
from llminit import Recommender, initialize
from llminit.errors import ConfigError
from llminit.export import FORMS, export
from llminit.export.forms import cosine_form


def check_ids(folder: Path, recommender: Recommender) -> None:
    for name, vocabulary in (("user", recommender.users), ("item", recommender.items)):
        assert_series_equal(
            pl.read_parquet(folder / f"{name}s.parquet")[f"{name}_id"], vocabulary.ids, check_names=False
        )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("odd", [False, True])
def test_parquet(tmp_path: Path, form: str, odd: bool) -> None:
    """Both tables have ids and embeddings, in either form; items have their own columns, and the embedding is ours."""
    recommender = sample(odd=odd)
    export(recommender, "parquet", tmp_path / "o", form=form)
    users, items = arrays(recommender) if form == "dot" else cosine_form(*arrays(recommender))[:2]
    check_ids(tmp_path / "o", recommender)
    table = pl.read_parquet(tmp_path / "o" / "items.parquet")
    np.testing.assert_array_equal(table["embedding"].to_numpy(), items)
    np.testing.assert_array_equal(pl.read_parquet(tmp_path / "o" / "users.parquet")["embedding"].to_numpy(), users)
    assert table.columns == ["item_id", "title", "price", "tags", "since", "embedding"]
    assert recommender.item_table is not None
    assert table["title"].equals(recommender.item_table["title"])


@pytest.mark.parametrize("odd", [False, True])
def test_npy(tmp_path: Path, odd: bool) -> None:
    """Four arrays load without pickle and have the ids in the rows' order."""
    recommender = sample(odd=odd)
    export(recommender, "npy", tmp_path / "o")
    loaded = {path.stem: np.load(path, allow_pickle=False) for path in (tmp_path / "o").glob("*.npy")}
    assert sorted(loaded) == ["items", "items_ids", "users", "users_ids"]
    for name, expected in zip(("users", "items"), arrays(recommender), strict=True):
        np.testing.assert_array_equal(loaded[name], expected)
    assert loaded["users_ids"].tolist() == recommender.users.ids.to_list()
    assert loaded["items_ids"].tolist() == recommender.items.ids.to_list()
    assert not odd or set(ODD_IDS) < set(loaded["items_ids"].tolist())


def test_npy_is_read_back_as_text_embeddings(tmp_path: Path, recommender: Recommender) -> None:
    """`initialize` finds the ids beside the array of items."""
    export(recommender, "npy", tmp_path / "o")
    codes = recommender.seen.nonzero()
    pairs = pl.DataFrame({"user_id": recommender.users.ids_of(codes[0]), "item_id": recommender.items.ids_of(codes[1])})
    initial = initialize(pairs, embeddings=tmp_path / "o" / "items.npy", select="full", embedding_size=WIDTH)
    rows = recommender.items.codes(initial.item_ids)
    np.testing.assert_array_equal(initial.items, arrays(recommender)[1][rows])


def test_an_id_that_numpy_would_cut_is_refused(tmp_path: Path) -> None:
    """An array takes null characters at the end for padding: such an id is named, and nothing is written."""
    recommender = sample()
    ids = recommender.items.ids.to_list()
    ids[3] = "i03\0"
    cut = Recommender(recommender.users, type(recommender.items)(pl.Series(ids)), recommender.model, recommender.seen)
    with pytest.raises(ConfigError, match=r"'i03\\x00' ends in a null character"):
        export(cut, "npy", tmp_path / "o")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMS)
def test_safetensors(tmp_path: Path, recommender: Recommender, form: str) -> None:
    """One file holds both tables, beside it are the ids."""
    export(recommender, "safetensors", tmp_path / "o", form=form)
    users, items = arrays(recommender) if form == "dot" else cosine_form(*arrays(recommender))[:2]
    loaded = load_file(tmp_path / "o" / "embeddings.safetensors")
    assert set(loaded) == {"users", "items"}
    np.testing.assert_array_equal(loaded["users"], users)
    np.testing.assert_array_equal(loaded["items"], items)
    check_ids(tmp_path / "o", recommender)


def test_torch(tmp_path: Path, recommender: Recommender) -> None:
    """Two `nn.Embedding`s load the state dict strictly, and their products are the model's scores."""
    export(recommender, "torch", tmp_path / "o")
    (n_users, width), (n_items, _) = (rows.shape for rows in arrays(recommender))
    tables = {"user": torch.nn.Embedding(n_users, width), "item": torch.nn.Embedding(n_items, width)}
    module = torch.nn.ModuleDict({f"{kind}_embedding": table for kind, table in tables.items()})
    module.load_state_dict(load_tensors(tmp_path / "o" / "state_dict.safetensors"), strict=True)
    scores = tables["user"](torch.tensor([2, 5])) @ tables["item"].weight.T
    expected = recommender.model.scores(np.array([2, 5]), recommender.seen[[2, 5]])
    np.testing.assert_allclose(scores.detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    check_ids(tmp_path / "o", recommender)


def test_what_an_export_says_of_itself(tmp_path: Path, recommender: Recommender) -> None:
    """`export.json` and the answer have the counts, the form and what a search by cosine would keep."""
    summary = export(recommender, "parquet", tmp_path / "o")
    written = json.loads((tmp_path / "o" / "export.json").read_text())
    assert written | {"out": str(tmp_path / "o")} == summary | {"files": ["items.parquet", "users.parquet"]}
    assert (written["n_users"], written["n_items"], written["width"]) == (30, 80, 12)
    assert 0 < written["cosine_keeps"] < 1
    summary = export(recommender, "parquet", tmp_path / "c", form="cosine")
    assert summary["longest"] == pytest.approx(float(np.linalg.norm(arrays(recommender)[1], axis=1).max()))
    assert "cosine_keeps" not in summary


def test_removed_items_are_left_out(tmp_path: Path, recommender: Recommender) -> None:
    """What is in no list is not exported: neither the item, nor its vector, nor that users have it."""
    removed = np.zeros(len(recommender.items), dtype=np.bool_)
    removed[[0, 7]] = True
    fewer = replace(recommender, removed=removed)
    assert export(fewer, "parquet", tmp_path / "o")["n_items"] == len(recommender.items) - 2
    table = pl.read_parquet(tmp_path / "o" / "items.parquet")
    np.testing.assert_array_equal(table["embedding"].to_numpy(), arrays(recommender)[1][~removed])
    assert table["item_id"].to_list() == recommender.items.ids.filter(~removed).to_list()
    assert recommender.item_table is not None
    assert table["title"].to_list() == recommender.item_table["title"].filter(~removed).to_list()
    export(fewer, "implicit", tmp_path / "i")
    seen = sp.load_npz(tmp_path / "i" / "seen.npz")
    np.testing.assert_array_equal(seen.toarray(), recommender.seen.toarray()[:, ~removed])
    with pytest.raises(ConfigError, match="all 80 items of this recommender were removed"):
        export(replace(recommender, removed=np.ones(80, dtype=np.bool_)), "npy", tmp_path / "n")

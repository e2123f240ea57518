"""Targets that are models of other libraries, loaded by these."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from safetensors.torch import load_file

from exported import arrays, best
from llminit import Recommender
from llminit.export import export


def test_pyg(tmp_path: Path, recommender: Recommender) -> None:
    """PyG's LightGCN loads the state dict strictly and gives the model's scores, and `recommend` its best items."""
    models = pytest.importorskip("torch_geometric.nn", reason="torch_geometric is not installed")
    export(recommender, "pyg", tmp_path / "o")
    about = json.loads((tmp_path / "o" / "export.json").read_text())
    model = models.LightGCN(about["num_nodes"], about["embedding_dim"], num_layers=about["num_layers"])
    model.load_state_dict(load_file(tmp_path / "o" / "lightgcn.safetensors"), strict=True)
    edges = load_file(tmp_path / "o" / "graph.safetensors")["edge_index"]
    n_users, n_items = len(recommender.users), len(recommender.items)
    pairs = torch.cartesian_prod(torch.arange(n_users), torch.arange(n_users, n_users + n_items)).T
    scores = model(edges, pairs).detach().numpy().reshape(n_users, n_items)
    expected = recommender.model.scores(np.arange(n_users), recommender.seen)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
    items = torch.arange(n_users, n_users + n_items)
    found = model.recommend(edges, src_index=torch.arange(n_users), dst_index=items, k=10).numpy() - n_users
    assert [recommender.items.ids_of(row).to_list() for row in found] == list(best(recommender).values())


def test_the_graph_for_pyg(tmp_path: Path, recommender: Recommender) -> None:
    """The edges are what users have, in both directions, so that layers can propagate over them."""
    models = pytest.importorskip("torch_geometric.nn", reason="torch_geometric is not installed")
    export(recommender, "pyg", tmp_path / "o")
    edges = load_file(tmp_path / "o" / "graph.safetensors")["edge_index"]
    n_users, n_nodes = len(recommender.users), len(recommender.users) + len(recommender.items)
    expected = np.zeros((n_nodes, n_nodes))
    expected[:n_users, n_users:] = recommender.seen.toarray()
    expected += expected.T
    found = np.zeros_like(expected)
    np.add.at(found, tuple(edges.numpy()), 1)
    np.testing.assert_array_equal(found, expected)
    model = models.LightGCN(n_nodes, arrays(recommender)[0].shape[1], num_layers=1)
    weight = load_file(tmp_path / "o" / "lightgcn.safetensors")["embedding.weight"]
    model.embedding.load_state_dict({"weight": weight})
    degrees = np.maximum(expected.sum(axis=1), 1)
    hop = expected / np.sqrt(np.outer(degrees, degrees)) @ weight.numpy()
    propagated = model.get_embedding(edges).detach().numpy()
    np.testing.assert_allclose(propagated, (weight.numpy() + hop) / 2, rtol=1e-4, atol=1e-5)


def loaded_implicit(folder: Path) -> tuple[Any, Any]:
    als = pytest.importorskip("implicit.cpu.als", reason="implicit is not installed")
    return als.AlternatingLeastSquares.load(str(folder / "model.npz")), sp.load_npz(folder / "seen.npz")


@pytest.mark.parametrize("exclude_seen", [False, True])
def test_implicit(tmp_path: Path, recommender: Recommender, exclude_seen: bool) -> None:
    """The library's ALS recommends the same items with the same scores, with what is seen or without."""
    export(recommender, "implicit", tmp_path / "o")
    model, seen = loaded_implicit(tmp_path / "o")
    users = np.arange(len(recommender.users))
    found, scores = model.recommend(users, seen[users], N=10, filter_already_liked_items=exclude_seen)
    expected = best(recommender, exclude_seen=exclude_seen)
    assert [recommender.items.ids_of(row).to_list() for row in found] == list(expected.values())
    table = recommender.recommend(exclude_seen=exclude_seen)
    np.testing.assert_allclose(scores.reshape(-1), table["score"].to_numpy(), rtol=1e-4, atol=1e-5)


def test_implicit_saves_what_it_has_loaded(tmp_path: Path, recommender: Recommender) -> None:
    """A loaded model is whole: it saves itself, and similar items are those of the recommender."""
    export(recommender, "implicit", tmp_path / "o")
    model, _ = loaded_implicit(tmp_path / "o")
    model.save(str(tmp_path / "again.npz"))
    again = type(model).load(str(tmp_path / "again.npz"))
    np.testing.assert_array_equal(again.item_factors, arrays(recommender)[1])
    assert again.factors == arrays(recommender)[1].shape[1]
    found = recommender.items.ids_of(model.similar_items(5, N=6)[0][1:]).to_list()
    assert found == recommender.similar_items(recommender.items.ids[5], k=5)["item_id"].to_list()

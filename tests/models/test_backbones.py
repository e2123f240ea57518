"""Backbones: the contract, and training against a naive float64 twin."""

from typing import Any

import numpy as np
import pytest
import torch

import oracles
from llminit.config import TrainingConfig
from llminit.errors import ConfigError
from llminit.models import BACKBONES, Backbone, Batch
from llminit.models.backbones.sgl import SGL
from llminit.testing import check_backbone
from llminit.training import train
from sample_graphs import pairs_of, small_graph, vectors

pytestmark = pytest.mark.usefixtures("one_thread")

CASES = [
    ("mf", {"reg_weight": 0.1}),
    ("lightgcn", {}),
    ("lightgcn", {"n_layers": 3, "reg_weight": 0.1}),
    ("sgl", {}),
    ("sgl", {"augmentation": "node-drop", "drop_ratio": 0.3, "reg_weight": 0.1}),
    ("sgl", {"similarity_memory": 0, "ssl_tau": 0.05, "n_layers": 1}),
    ("sgl", {"augmentation": "random-walk", "drop_ratio": 0.3, "ssl_tau": 0.5, "ssl_weight": 1.0}),
    ("sgcl", {}),
    ("sgcl", {"n_layers": 1, "temperature": 0.5}),
]


def make(name: str, options: dict[str, Any], seed: int = 0) -> Backbone:
    rng, kind = np.random.default_rng(seed), BACKBONES[name]
    return kind(vectors(rng, 7, 5), vectors(rng, 9, 5), small_graph(), kind.options_type.make(**options))


def twin_loss(
    backbone: Backbone, embeddings: torch.Tensor, batch: Batch, views: list[list[torch.Tensor]]
) -> torch.Tensor:
    """The loss of a float64 copy of the embeddings, by the oracle."""
    matrices = [oracles.dense_adjacency(pairs_of(layer), 7, 9) for layer in backbone.layers]
    options = backbone.options.model_dump()
    return oracles.backbone_loss(backbone.name, embeddings, batch, matrices, views, options, 7)


def dense_views(backbone: Backbone) -> list[list[torch.Tensor]]:
    return [
        [oracles.dense_adjacency(pairs_of(layer), 7, 9) for layer in view] for view in getattr(backbone, "views", [])
    ]


@pytest.mark.parametrize("name", BACKBONES.names())
def test_contract(name: str) -> None:
    """Every backbone keeps the promises that all of them share."""
    check_backbone(BACKBONES[name])


def test_registry_finds_the_backbones() -> None:
    """The backbones are found by name, an unknown one is an error that lists them."""
    assert BACKBONES.names() == ["history", "lightgcn", "mf", "sgcl", "sgl", "softmax"]
    names = "history, lightgcn, mf, sgcl, sgl, softmax"
    with pytest.raises(ConfigError, match=f"unknown backbone 'ngcf'; choose one of: {names}"):
        BACKBONES["ngcf"]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_loss_and_gradient_are_their_twins(name: str, options: dict[str, Any]) -> None:
    """One batch with repeated users and items: the loss to 1e-5, the gradient of the embeddings to 1e-4."""
    backbone = make(name, options)
    backbone.start_epoch(np.random.default_rng(1))
    batch = Batch(*(torch.tensor(rows) for rows in ([0, 1, 1, 5, 1], [7, 8, 9, 7, 8], [15, 10, 11, 11, 14])))
    embeddings = oracles.tensor(backbone.embeddings.detach()).requires_grad_()
    expected = twin_loss(backbone, embeddings, batch, dense_views(backbone))
    loss = backbone.loss(batch)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    (found,) = torch.autograd.grad(loss, backbone.embeddings)
    oracles.assert_close(found, torch.autograd.grad(expected, embeddings)[0], 1e-4)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_training_is_its_twin(name: str, options: dict[str, Any]) -> None:
    """Two epochs of the trainer end where Adam by hand ends on the same batches, and the mean losses are equal."""
    backbone, batches = make(name, options), []
    embeddings, fast_loss = oracles.tensor(backbone.embeddings.detach()), backbone.loss

    def recorded(batch: Batch) -> torch.Tensor:
        batches.append((batch, dense_views(backbone)))
        return fast_loss(batch)

    backbone.loss = recorded  # type: ignore[method-assign]
    result = train(backbone, TrainingConfig(epochs=2, train_batch_size=8, learning_rate=0.01), seed=3)
    assert len(batches) == 6
    adam, losses = oracles.Adam(0.01), []
    for batch, views in batches:
        rows = embeddings.clone().requires_grad_()
        loss = twin_loss(backbone, rows, batch, views)
        embeddings = adam.move(embeddings, torch.autograd.grad(loss, rows)[0])
        losses.append(float(loss.detach()))
    oracles.assert_close(backbone.embeddings.detach(), embeddings, 1e-4)
    assert [epoch.loss for epoch in result.history] == pytest.approx(
        [np.mean(losses[:3]), np.mean(losses[3:])], rel=1e-4
    )


@pytest.mark.parametrize(("name", "options"), CASES)
def test_final_embeddings_average_the_layers_of_the_whole_graph(name: str, options: dict[str, Any]) -> None:
    """The final embeddings are the mean over the layers, on the graph with all its edges."""
    backbone = make(name, options)
    backbone.start_epoch(np.random.default_rng(1))
    matrices = [oracles.dense_adjacency(pairs_of(layer), 7, 9) for layer in [small_graph()] * len(backbone.layers)]
    expected = oracles.average_layers(oracles.tensor(backbone.embeddings.detach()), matrices)
    oracles.assert_close(np.concatenate(backbone.final_embeddings()), expected, 1e-5)


def test_the_defaults_are_the_papers() -> None:
    """Two layers, temperature 0.2, contrastive weight 0.05, norm weight 1e-5, a tenth of the edges dropped."""
    options = {name: BACKBONES[name].options_type().model_dump() for name in BACKBONES.names()}
    assert options["lightgcn"] == {"n_layers": 2, "reg_weight": 1e-5}
    assert options["sgcl"] == {"n_layers": 2, "temperature": 0.2}
    assert options["mf"] == {"reg_weight": 0.0}
    contrast = {"ssl_weight": 0.05, "ssl_tau": 0.2, "drop_ratio": 0.1, "augmentation": "edge-drop"}
    computing = {"matmul_dtype": "float32", "similarity_memory": 256}
    assert options["sgl"] == {"n_layers": 2, "reg_weight": 1e-5} | contrast | computing


def test_the_initial_arrays_are_not_trained() -> None:
    """A backbone copies what it starts from: training leaves the caller's arrays alone."""
    users, items = vectors(np.random.default_rng(0), 7, 5), vectors(np.random.default_rng(1), 9, 5)
    before = users.copy(), items.copy()
    backbone = BACKBONES["mf"](users, items, small_graph())
    train(backbone, TrainingConfig(epochs=1, train_batch_size=8))
    assert np.array_equal(users, before[0])
    assert np.array_equal(items, before[1])


@pytest.mark.parametrize("augmentation", ["edge-drop", "node-drop", "random-walk"])
def test_sgl_contrasts_two_views_and_draws_new_ones_each_epoch(augmentation: str) -> None:
    """The two views of an epoch differ, the batches of an epoch share them, and the next epoch has new ones."""
    backbone, rng = make("sgl", {"augmentation": augmentation, "drop_ratio": 0.3}), np.random.default_rng(1)
    assert isinstance(backbone, SGL)
    drawn: list[tuple[tuple[int, int], ...]] = []
    for _ in range(2):
        backbone.start_epoch(rng)
        drawn.extend(tuple(pairs_of(view[0])) for view in backbone.views)
    assert len(set(drawn)) == 4
    batch = Batch(*(torch.tensor(rows) for rows in ([0, 1], [7, 8], [15, 10])))
    assert torch.equal(backbone.loss(batch), backbone.loss(batch))

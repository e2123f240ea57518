"""iALS against dense solutions and its objective's gradient, with text and without."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from oracles_baselines import slow_ials
from scipy.sparse import csr_array

from llminit import Recommender, fit
from llminit.errors import ConfigError, InputError
from llminit.models.baselines.ials import IALS
from llminit.models.factors import FactorModel
from llminit.models.text_rows import whitened
from planted import plant

pytestmark = pytest.mark.usefixtures("one_thread")

EXACT: dict[str, Any] = {"embedding_size": 5, "solver_steps": 100, "unobserved_weight": 0.2, "reg_weight": 0.02}


def data(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """40 users with weighted interactions, 15 items, one without interactions and one without text, and texts."""
    rng = np.random.default_rng(seed)
    train = ((rng.random((40, 15)) < 0.3) * rng.integers(1, 3, (40, 15))).astype(np.float32)
    text = rng.normal(size=(15, 6)).astype(np.float32) + 1
    train[:, 4], train[7], text[2] = 0, 0, 0
    return train, text


def fitted(options: dict[str, Any], train: np.ndarray, text: np.ndarray | None) -> FactorModel:
    model = IALS(**EXACT | options).fit(csr_array(train), text)
    assert isinstance(model, FactorModel)
    return model


@pytest.mark.parametrize("options", [{}, {"text": False}, {"reg_exponent": 0.4, "text_l2": 0.1}, {"text_dims": 3}])
@pytest.mark.parametrize("epochs", [1, 3])
def test_it_alternates_dense_solutions(options: dict[str, Any], epochs: int) -> None:
    """Scores are those of solving every row as a dense system in float64, from the same start, epoch by epoch."""
    train, text = data()
    model = IALS(**EXACT | options | {"epochs": epochs})
    features = whitened(text, model.text_dims) if model.text else np.zeros((15, 0), dtype=np.float32)
    start = np.random.default_rng(0).standard_normal((15, 5), dtype=np.float32) * (0.1 / np.sqrt(5))
    users, items = slow_ials(
        train, features, start, epochs, model.unobserved_weight, model.reg_weight, model.reg_exponent, model.text_l2
    )
    found = model.fit(csr_array(train), text)
    assert isinstance(found, FactorModel)
    # Start and directions differ by a rotation, which changes no score and no length.
    assert found.users @ found.items.T == pytest.approx(users @ items.T, abs=1e-4)
    assert np.linalg.norm(found.items, axis=1) == pytest.approx(np.linalg.norm(items, axis=1), abs=1e-4)


@pytest.mark.parametrize("with_text", [False, True])
def test_it_ends_where_the_objective_is_flat(with_text: bool) -> None:
    """After many epochs the gradient of the documented objective, by autograd, is zero."""
    train, text = data()
    model = fitted({"epochs": 3000, "text": with_text}, train, text)
    features = torch.from_numpy(whitened(text, 128)).double()
    weights = torch.from_numpy(train).double()
    ridges = [0.02 * ((weights > 0).sum(dim=1 - axis) + 0.2 * train.shape[1 - axis]) for axis in (0, 1)]
    # B is the regression of what was found.
    weighted = features.T * ridges[1]
    items = torch.from_numpy(model.items).double()
    text_l2 = 0.5 * ridges[1].mean()
    flat = torch.linalg.solve(weighted @ features + text_l2 * torch.eye(features.shape[1]).double(), weighted @ items)
    tables = [torch.from_numpy(model.users).double(), items, flat if with_text else torch.zeros_like(flat)]
    for table in tables:
        table.requires_grad_()
    scores = tables[0] @ tables[1].T
    loss = (weights * (scores - 1) ** 2).sum() + 0.2 * (scores**2).sum()
    loss = loss + (ridges[0] * (tables[0] ** 2).sum(dim=1)).sum()
    loss = loss + (ridges[1] * ((tables[1] - features @ tables[2]) ** 2).sum(dim=1)).sum()
    loss = loss + text_l2 * (tables[2] ** 2).sum()
    loss.backward()
    for table in tables[: 3 if with_text else 2]:
        assert table.grad is not None
        assert float(table.grad.abs().max()) < 2e-3
    assert float(loss.detach()) < float(weights.sum()), "the loss is below that of nothing at all"


def test_an_item_without_interactions_goes_by_its_text() -> None:
    """Users who like items of such texts score it higher on average; without text its row is zeros."""
    rng = np.random.default_rng(0)
    kinds = np.arange(20) % 2
    train = (rng.random((60, 20)) < np.where((np.arange(60)[:, None] + kinds) % 2, 0.5, 0.02)).astype(np.float32)
    text = rng.normal(size=(20, 4)).astype(np.float32) * 0.1
    text[:, 0] += kinds
    train[:, 6] = 0
    with_text, without = (
        IALS(embedding_size=8, reg_weight=0.1, text=text_too).fit(csr_array(train), text).scores(np.arange(60))
        for text_too in (True, False)
    )
    likes_zero = np.arange(60) % 2 == 1
    assert with_text[likes_zero, 6].mean() > with_text[~likes_zero, 6].mean() + 0.15
    assert not without[:, 6].any()


def test_plain_ials_needs_no_text() -> None:
    """With text=False none is asked for, and any that is there changes nothing."""
    train, text = data()
    alone = fitted({"text": False}, train, None).scores(np.arange(40))
    assert np.array_equal(alone, fitted({"text": False}, train, text).scores(np.arange(40)))
    assert not np.array_equal(alone, fitted({}, train, text).scores(np.arange(40)))
    # Texts that are all the same predict nothing.
    assert np.array_equal(alone, fitted({}, train, np.ones_like(text)).scores(np.arange(40)))
    with pytest.raises(ConfigError, match="ials was given no text"):
        fitted({}, train, None)


def test_popularity_for_users_without_history_leaves_like_items_alike() -> None:
    """The table that serves ranks by popularity for them, and its items' cosines are those of the embeddings."""
    train, text = data()
    model = fitted({}, train, text)
    serving = model.serving()
    scores = serving.scores(np.array([7, 8]), csr_array(train[[7, 8]]))
    assert scores == pytest.approx(model.scores(np.array([7, 8])), rel=1e-4, abs=1e-5)
    assert scores[0] == pytest.approx((train != 0).sum(axis=0), rel=1e-4)

    def cosines(rows: np.ndarray) -> np.ndarray:
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        result: np.ndarray = unit @ unit.T
        return result

    assert cosines(np.asarray(serving.item_vectors())) == pytest.approx(cosines(model.items), abs=1e-5)


def test_values_below_zero_are_refused() -> None:
    """A value is a weight, and the message says which was found."""
    train, text = data()
    train[0, 0] = -2
    with pytest.raises(InputError, match="found the value -2"):
        fitted({}, train, text)


@pytest.mark.parametrize("text", [True, False])
def test_a_fit_is_saved_and_serves_its_tables(tmp_path: Path, text: bool) -> None:
    """`fit` tunes it on validation, and what was saved recommends the same, finds like items and gives embeddings."""
    world = plant()
    options = {"text": text, "embedding_size": 8}
    if text:
        source: dict[str, Any] = {"embeddings": (world.embeddings["item_id"], world.embeddings["embedding"].to_numpy())}
    else:
        source = {"init": "xavier"}
    made = fit(world.interactions, **source, backbone="ials", backbone_options=options, out=tmp_path / "model")
    assert made.report["options"].keys() >= {"unobserved_weight", "reg_weight", "text"}
    again = Recommender.load(tmp_path / "model")
    assert again.recommend([0, 5], k=5).equals(made.recommend([0, 5], k=5))
    assert again.similar_items("i00", k=3)["item_id"].to_list() == made.similar_items("i00", k=3)["item_id"].to_list()
    assert again.item_embeddings()["embedding"].dtype.size == 8  # type: ignore[attr-defined]
    assert made.report["metrics"]["standard"]["recall@10"] > 0.3

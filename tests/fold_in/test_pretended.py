"""Which map makes cold items, chosen on warm items that are pretended to be cold."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.arrays import FloatArray
from llminit.fold_in import ItemMap, Shape, WarmModel, choose_item_map, fit_item_map, pretended
from llminit.fold_in.choose import best_of, candidate_shapes, fitted_to_warm
from llminit.fold_in.pretended import Curve, pretended_curves
from llminit.fold_in.text_space import rows_of_texts

SHAPES = (Shape("nearest", n_nearest=3), Shape("nearest", n_nearest=4, by_text=True), Shape("start"), Shape("ridge"))
EXPOSURES = (0.4, 0.8, 1.3, 2.5)


def planted(seed: int = 0, n_users: int = 40, n_items: int = 60, width: int = 6, *, noise: float = 0.5) -> WarmModel:
    """Users like the items of their cluster; served vectors are a rotation of the texts' clusters, and longer."""
    rng = np.random.default_rng(seed)
    clusters, tastes = rng.integers(0, 4, n_items), rng.integers(0, 4, n_users)
    centres, rotation = rng.normal(size=(4, width)), np.linalg.qr(rng.normal(size=(width, width)))[0]
    starts = centres[clusters] + noise * rng.normal(size=(n_items, width))
    items = 1.5 * (centres[clusters] + 0.3 * rng.normal(size=(n_items, width))) @ rotation
    users = (centres[tastes] + 0.3 * rng.normal(size=(n_users, width))) @ rotation
    likes = (clusters == tastes[:, np.newaxis]) * (rng.random((n_users, n_items)) < 0.5)
    valid = np.zeros_like(likes)
    for user in range(n_users):
        had = np.flatnonzero(likes[user])
        if len(had) > 2:
            valid[user, rng.choice(had, 2, replace=False)] = True
    train = sp.csr_array((likes & ~valid).astype(np.float32))
    served: tuple[FloatArray, FloatArray] = (users.astype(np.float32), items.astype(np.float32))
    has_text = np.ones(n_items, dtype=np.bool_)
    valid_part = sp.csr_array(valid.astype(np.float32))
    texts = (starts @ rng.normal(size=(width, 2 * width)) + 1).astype(np.float32)
    return WarmModel(*served, starts.astype(np.float32), has_text, train, valid_part, texts)


def maps_of(model: WarmModel, *shapes: Shape) -> list[ItemMap]:
    return [fitted_to_warm(model, shape) for shape in shapes]


def slow_outcome(model: WarmModel, cold: Any, vectors: Any, exposure: float) -> tuple[float, float, int, int]:
    """The warm ndcg@10 before and after, the cold hits and the cold interactions, by loops over users and items."""
    before = after = 0.0
    hits = measured = 0
    train, valid = model.train.toarray(), model.valid.toarray()
    for user in range(len(model.users)):
        scores = {item: float(model.users[user] @ model.items[item]) for item in range(len(model.items))}
        warm = {item: score for item, score in scores.items() if not train[user, item] and item not in cold}
        others = {
            item: exposure * float(model.users[user] @ vector) for item, vector in zip(cold, vectors, strict=True)
        }
        for item in np.flatnonzero(valid[user]).tolist():
            if item in cold:
                ahead = sum(score > others[item] for score in [*warm.values(), *others.values()])
                hits, measured = hits + (ahead < 10), measured + 1
                continue
            ahead = sum(score > warm[item] for score in warm.values())
            more = ahead + sum(score > warm[item] for score in others.values())
            before += 1 / np.log2(ahead + 2) if ahead < 10 else 0
            after += 1 / np.log2(more + 2) if more < 10 else 0
    return before, after, hits, measured


def test_curves_are_those_of_loops() -> None:
    """Losses and recalls equal what loops over users, items and folds count."""
    model, seed = planted(n_users=15, n_items=40), 3
    maps = maps_of(model, *SHAPES)
    curves = pretended_curves(model, maps, seed, EXPOSURES)
    rng = np.random.default_rng(seed)
    folds = np.array_split(rng.permutation(40), 10)
    for whole, curve in zip(maps, curves, strict=True):
        expected = np.zeros((len(EXPOSURES), 4))
        for fold in folds:
            cold = np.sort(fold)
            kept = np.setdiff1d(np.arange(40), cold)
            rows = model.starts if whole.space is None else rows_of_texts(whole.space, np.asarray(model.texts))
            plain, scale = Shape(curve.shape.kind, curve.shape.n_nearest), whole.arrays()["scale"]
            item_map = fit_item_map(plain, rows[kept], model.items[kept], model.degrees[kept], 1.0, scale=scale)
            vectors = item_map.vectors(rows[cold])
            expected += [slow_outcome(model, cold.tolist(), vectors, exposure) for exposure in EXPOSURES]
        losses = np.maximum.accumulate(1 - expected[:, 1] / expected[:, 0])
        np.testing.assert_allclose(curve.warm_loss, losses, atol=1e-9)
        np.testing.assert_allclose(curve.recall, expected[:, 2] / expected[:, 3], atol=1e-9)
        assert curve.n_cold == expected[0, 3] == model.valid.nnz


@given(seed=st.integers(0, 30))
@settings(max_examples=10, deadline=None)
def test_the_dial_is_monotone(seed: int) -> None:
    """The more cold items are shown, the more they gain and the more warm ones lose, where scores are positive."""
    model = planted(seed)
    positive = WarmModel(
        np.abs(model.users), np.abs(model.items), np.abs(model.starts), model.has_text, model.train, model.valid
    )
    shapes = [shape for shape in SHAPES if not shape.by_text]
    for curve in pretended_curves(positive, maps_of(positive, *shapes), seed, EXPOSURES):
        assert (np.diff(curve.recall) >= 0).all()
        assert (np.diff(curve.warm_loss) >= 0).all()
        assert 0 <= curve.recall.min() <= curve.recall.max() <= 1


def test_the_trade() -> None:
    """The exposure is the largest whose loss is within the trade, between two measured ones too."""
    curve = Curve(Shape(), np.array([0.5, 1.0, 2.0]), np.array([0.0, 0.02, 0.06]), np.array([0.1, 0.2, 0.4]), 100)
    assert curve.exposure_at(0.02) == pytest.approx(1.0)
    assert curve.exposure_at(0.04) == pytest.approx(1.5)
    assert curve.recall_at(0.04) == pytest.approx(0.3)
    assert curve.exposure_at(0.5) == 2.0
    dear = Curve(Shape(), np.array([0.5, 1.0]), np.array([0.3, 0.4]), np.array([0.1, 0.2]), 100)
    assert dear.exposure_at(0.02) == 0.5


def test_the_best_map_is_chosen() -> None:
    """Where served vectors are turned away from the texts, the start itself is useless, and another map is chosen."""
    model = planted(n_users=150)
    chosen = choose_item_map(model, 0.05, seed=1)
    assert chosen.kind != "start"
    assert chosen.measured
    curves = {curve.shape: curve for curve in pretended_curves(model, maps_of(model, *candidate_shapes(model)), 1)}
    gains = {shape: sum(curve.recall_at(loss) for loss in (0.05, 0.1, 0.2)) for shape, curve in curves.items()}
    assert gains[chosen.shape] == max(gains.values()) > gains[Shape("start")]
    assert chosen.exposure == curves[chosen.shape].exposure_at(0.05)


def test_another_map_has_to_be_clearly_better() -> None:
    """Where texts say nothing but starts do, the start is chosen; where all are as good, the first map is."""
    model = planted(n_users=300)
    noise = np.random.default_rng(0).normal(size=(len(model.items), 12)).astype(np.float32)
    deaf = replace(model, starts=model.items, texts=noise)
    assert choose_item_map(deaf, 0.05).kind == "start"
    same = [Curve(Shape(), np.array([1.0]), np.array([0.0]), np.array([recall]), 600) for recall in (0.06, 0.07)]
    assert best_of(same, 0.02) == 0
    clear = [*same, Curve(Shape("start"), np.array([1.0]), np.array([0.0]), np.array([0.12]), 600)]
    assert best_of(clear, 0.02) == 2


def test_a_larger_trade_shows_more() -> None:
    """Who allows warm items to lose more gets a larger exposure of the same map."""
    model = planted(n_users=150)
    small, large = (choose_item_map(model, trade, seed=1) for trade in (0.0, 0.2))
    curve = pretended_curves(model, [small], 1)[0]
    assert curve.exposure_at(0.0) <= curve.exposure_at(0.2)
    assert small.exposure <= large.exposure or small.shape != large.shape


def test_too_little_to_choose_by() -> None:
    """With few or no validation interactions, or fewer than ten items, the default map is taken as it is."""
    model = planted()
    nothing = sp.csr_array(model.valid.shape, dtype=np.float32)
    few = planted(n_items=8)
    without = WarmModel(model.users, model.items, model.starts, model.has_text, model.train, nothing)
    for case in (without, few):
        chosen = choose_item_map(case)
        assert (chosen.shape, chosen.exposure, chosen.measured) == (candidate_shapes(case)[0], 1.0, ())
    assert {shape.kind for shape in candidate_shapes(model)} == {"nearest", "start"}
    narrow = WarmModel(model.users, model.items, model.starts[:, :3], model.has_text, model.train, model.valid)
    assert candidate_shapes(narrow) == [Shape("nearest", 5)]


def test_items_without_text_are_never_pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not made cold, and make no cold item; without limits on what is measured nothing changes."""
    model = planted(n_items=50)
    has_text = np.arange(50) < 45
    part = WarmModel(model.users, model.items, model.starts, has_text, model.train, model.valid)
    (ridge,) = maps_of(part, Shape("ridge"))
    curve = pretended_curves(part, [ridge], 0)[0]
    folded = np.random.default_rng(0).permutation(45)[:40]
    assert curve.n_cold == int(np.isin(model.valid.indices, folded).sum())
    assert len(choose_item_map(part).arrays()["served"]) == 45
    monkeypatch.setattr(pretended, "_MAX_INTERACTIONS", 20)
    assert pretended_curves(part, [ridge], 0)[0].n_cold <= 20


def test_enough_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a recall is known well enough, no further items are pretended to be cold."""
    model = planted(n_items=50)
    (ridge,) = maps_of(model, Shape("ridge"))
    whole = pretended_curves(model, [ridge], 0)[0].n_cold
    monkeypatch.setattr(pretended, "_ENOUGH", 10)
    assert 10 <= pretended_curves(model, [ridge], 0)[0].n_cold < whole

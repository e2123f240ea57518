"""Distilled tables keep the scores of another model, the best items of each user first."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from llminit.arrays import FloatArray, IntArray
from llminit.evaluation import matrix_scorer
from llminit.models import distillation
from llminit.models.distillation import balanced, distilled
from llminit.models.mixture import standardized

pytestmark = pytest.mark.usefixtures("one_thread")


def teacher(rank: int, seed: int = 0, n_users: int = 60, n_items: int = 90) -> tuple[FloatArray, csr_array]:
    """Standardized scores of some rank, and what users have seen."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n_users, rank)) @ rng.normal(size=(rank, n_items))
    seen = csr_array((rng.random((n_users, n_items)) < 0.1).astype(np.float32))
    return standardized(scores.astype(np.float32)), seen


def loss(scores: FloatArray, seen: csr_array, found: FloatArray, n_best: int, weight: float) -> float:
    """The documented objective, one pair at a time."""
    total = 0.0
    for user, (wanted, has) in enumerate(zip(scores, seen.toarray() > 0, strict=True)):
        best = sorted((item for item in range(len(wanted)) if not has[item]), key=lambda item: -wanted[item])[:n_best]
        for item, value in enumerate(wanted):
            total += (1 + weight * (item in best)) * (float(value) - float(found[user, item])) ** 2
    return total


def test_tables_as_wide_as_the_rank_keep_every_score(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standardized scores of rank 5 have rank 6, and six columns give them all back."""
    monkeypatch.setattr(distillation, "N_PASSES", 30)
    scores, seen = teacher(5)
    tables = distilled(matrix_scorer(scores), seen, 6)
    assert tables.users.dtype == tables.items.dtype == np.float32
    assert tables.users.shape == (60, 6)
    assert tables.users @ tables.items.T == pytest.approx(scores, abs=0.02)


def test_without_emphasis_it_is_the_truncated_singular_value_decomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a weight of almost nothing the error is the least that tables of this width can have."""
    monkeypatch.setattr(distillation, "BEST_WEIGHT", 1e-6)
    monkeypatch.setattr(distillation, "N_PASSES", 60)
    scores, seen = teacher(20)
    tables = distilled(matrix_scorer(scores), seen, 4)
    error = float(np.square(tables.users @ tables.items.T - scores).sum())
    least = float(np.square(np.linalg.svd(scores, compute_uv=False)[4:]).sum())
    assert least <= error < 1.01 * least


def test_the_objective_falls_and_no_nearby_tables_are_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes lower the objective, written out; where they end, changed tables have a higher one."""
    monkeypatch.setattr(distillation, "N_BEST", 7)
    scores, seen = teacher(20, n_users=30, n_items=40)
    values = []
    for n_passes in (1, 4, 80):
        monkeypatch.setattr(distillation, "N_PASSES", n_passes)
        tables = distilled(matrix_scorer(scores), seen, 5)
        values.append(loss(scores, seen, tables.users @ tables.items.T, 7, distillation.BEST_WEIGHT))
    assert values == sorted(values, reverse=True)
    assert values[0] > 1.05 * values[2]
    rng = np.random.default_rng(1)
    for side in ("users", "items"):
        rows = getattr(tables, side)
        other = rows + 0.05 * rows.std() * rng.normal(size=rows.shape).astype(np.float32)
        found = (other @ tables.items.T) if side == "users" else (tables.users @ other.T)
        assert loss(scores, seen, found, 7, distillation.BEST_WEIGHT) > values[2]


@pytest.mark.parametrize(("n_users", "n_items"), [(30, 40), (4, 40), (30, 4)])
def test_balanced_tables_have_the_same_products(n_users: int, n_items: int) -> None:
    """Stretched tables come back with their products, with the same directions at the same lengths on both sides."""
    rng = np.random.default_rng(0)
    users, items = (rng.normal(size=(n, 6)).astype(np.float32) for n in (n_users, n_items))
    stretch = np.geomspace(0.01, 100, 6, dtype=np.float32)
    tables = balanced(users * stretch, items / stretch)
    assert tables.users.dtype == tables.items.dtype == np.float32
    assert (tables.users.shape, tables.items.shape) == ((n_users, 6), (n_items, 6))
    assert tables.users @ tables.items.T == pytest.approx(users @ items.T, abs=1e-3)
    sizes = np.linalg.svd(users @ items.T, compute_uv=False)[:6]
    expected = np.diag(np.pad(sizes, (0, 6 - len(sizes))))
    for side in (tables.users, tables.items):
        assert side.T @ side == pytest.approx(expected, abs=1e-2)


def kept(scores: FloatArray, seen: csr_array, found: FloatArray, k: int = 10) -> float:
    """The share of each user's k best unseen items that are still among them."""
    masked = [np.where(seen.toarray() > 0, -np.inf, table) for table in (scores, found)]
    tops = [np.argsort(-table, axis=1)[:, :k] for table in masked]
    return float(np.mean([len(set(one) & set(other)) / k for one, other in zip(*tops, strict=True)]))


def test_emphasis_keeps_more_of_the_best_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a width far below the rank, more of each user's best items stay among the best than without it."""
    monkeypatch.setattr(distillation, "N_BEST", 10)
    scores, seen = teacher(60, n_items=200)

    def share() -> float:
        tables = distilled(matrix_scorer(scores), seen, 12)
        return kept(scores, seen, tables.users @ tables.items.T)

    with_emphasis = share()
    monkeypatch.setattr(distillation, "BEST_WEIGHT", 1e-6)
    assert with_emphasis > share() + 0.1


def test_users_without_history_and_few_items_can_be_distilled() -> None:
    """Fewer items than are emphasised, a user who has seen all of them, constant scores: all come back."""
    scores, _ = teacher(3, n_users=5, n_items=8)
    scores[2] = 0
    seen = np.zeros((5, 8), dtype=np.float32)
    seen[0], seen[1, :5] = 1, 1
    tables = distilled(matrix_scorer(scores), csr_array(seen), 20)
    assert tables.users @ tables.items.T == pytest.approx(scores, abs=0.05)


def test_scores_are_asked_for_in_blocks_and_their_size_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more users are scored at a time than fit the memory of a block; tables of any block size score alike."""
    scores, seen = teacher(8)
    asked: list[int] = []
    heard: list[int] = []

    def scorer(users: IntArray) -> FloatArray:
        asked.append(len(users))
        return scores[users]

    whole = distilled(scorer, seen, 4)
    monkeypatch.setattr(distillation, "BLOCK_BYTES", distillation._BYTES_PER_SCORE * 90 * 7)  # noqa: SLF001
    asked.clear()
    parted = distilled(scorer, seen, 4, after_pass=lambda: heard.append(1))
    assert max(asked) == 7
    assert sum(asked) == 60 * (distillation.N_PASSES + 1)
    assert len(heard) == distillation.N_PASSES
    assert parted.users @ parted.items.T == pytest.approx(whole.users @ whole.items.T, abs=1e-3)
    assert np.array_equal(parted.items, distilled(scorer, seen, 4).items)

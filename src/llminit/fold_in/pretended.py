"""What a map of cold items is worth: warm items that are pretended to be cold, on the validation interactions.

A tenth of the items at a time loses its vectors and gets those that the map, fitted to the other items, makes of their
text. Validation interactions with such items are what cold items gain, the others are what warm items lose. Nothing is
trained again: the users' vectors have seen the pretended items in training, but never the interactions that are
measured. What a user has in training competes too, as it would if it were cold, and better than it would: so the loss
of warm items is rather too large than too small (benchmarks/README.md has both).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import BoolArray, Float64Array, FloatArray, IntArray
from llminit.fold_in.item_map import ItemMap, Shape, fit_item_map

K = 10
EXPOSURES: tuple[float, ...] = tuple(float(value) for value in np.round(np.geomspace(0.3, 2.4, 16), 3))

_N_FOLDS = 10
_MAX_COLD = 4096
"""Most items that are pretended to be cold, in all folds together."""
_MAX_INTERACTIONS = 2000
_ENOUGH = 600
"""Cold interactions of which a recall is known well enough: no further items are pretended to be cold."""
_N_TOP = 64
"""Best warm items of a user that are kept: enough for ten that are not in the fold."""
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class WarmModel:
    """A model of dot products and what it was trained on.

    Attributes:
        users: float32 of shape (n_users, d), as they serve.
        items: float32 of shape (n_items, d), as they serve.
        starts: float32 of shape (n_items, d0), what the fitted selection makes of the items' texts.
        has_text: bool of shape (n_items,).
        train: float32 CSR of shape (n_users, n_items), the training interactions.
        valid: float32 CSR of the same shape, the validation interactions.
        texts: float32 of shape (n_items, D), the text embeddings; None where starts alone are to be compared.
    """

    users: FloatArray
    items: FloatArray
    starts: FloatArray
    has_text: BoolArray
    train: csr_array
    valid: csr_array
    texts: FloatArray | None = None

    @property
    def degrees(self) -> IntArray:
        """Each item's number of training interactions."""
        return np.bincount(self.train.indices, minlength=len(self.items)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Curve:
    """What a map gains and costs at each of some exposures.

    Attributes:
        shape: The map.
        exposures: float64 of shape (m,), ascending.
        warm_loss: float64 of shape (m,), the relative loss of warm ndcg@10, which never falls.
        recall: float64 of shape (m,), the share of cold interactions among the ten best of the whole catalogue.
        n_cold: How many cold interactions were measured.
    """

    shape: Shape
    exposures: Float64Array
    warm_loss: Float64Array
    recall: Float64Array
    n_cold: int

    def exposure_at(self, loss: float) -> float:
        """Return the largest measured exposure, or one between two, that costs at most a loss."""
        within = np.flatnonzero(self.warm_loss <= loss)
        if not len(within):
            return float(self.exposures[0])
        last = within[-1]
        if last + 1 == len(self.exposures):
            return float(self.exposures[-1])
        between = slice(last, last + 2)
        return float(np.interp(loss, self.warm_loss[between], self.exposures[between]))

    def recall_at(self, loss: float) -> float:
        """Return the recall of cold items there."""
        return float(np.interp(self.exposure_at(loss), self.exposures, self.recall))


def pretended_curves(
    model: WarmModel, maps: Sequence[ItemMap], seed: int, exposures: Sequence[float] = EXPOSURES
) -> list[Curve]:
    """Measure maps on warm items that are pretended to be cold; see this file's head.

    Args:
        model: The model.
        maps: Fitted to all of its items with text; of each fold they are fitted again to the others, but for their
            scale and the space in which they compare texts, which a tenth of the items hardly changes.
        seed: Of the folds, and of the interactions where there are more than are measured.
        exposures: Where the dial is measured, ascending.

    Returns:
        A curve for each map, all about the same items and interactions; without any where there is nothing to measure.
    """
    rng = np.random.default_rng(seed)
    pairs = _Pairs.of(model, rng)
    sums = np.zeros((len(maps), len(exposures), 3))
    n_cold = 0
    for cold in _folds(model.has_text, rng):
        if n_cold >= _ENOUGH:
            break
        in_fold = np.zeros(len(model.items), dtype=np.bool_)
        in_fold[cold] = True
        n_cold += int(in_fold[pairs.items].sum())
        for index, item_map in enumerate(maps):
            vectors = _as_if_cold(model, item_map, cold, in_fold)
            sums[index] += pairs.outcome(model, cold, in_fold, vectors, exposures)
    if not n_cold or not sums[:, :, 0].all():
        return []
    losses = np.maximum.accumulate(1 - sums[:, :, 1] / sums[:, :, 0], axis=1)
    return [
        Curve(item_map.shape, np.array(exposures), losses[index], sums[index, :, 2] / n_cold, n_cold)
        for index, item_map in enumerate(maps)
    ]


def _as_if_cold(model: WarmModel, item_map: ItemMap, cold: IntArray, in_fold: BoolArray) -> FloatArray:
    """Return what a map at exposure 1 makes of items, fitted to the others: float32 of shape (n_cold, d)."""
    kept, scale = np.flatnonzero(model.has_text & ~in_fold), item_map.arrays_by_name["scale"]
    if item_map.shape.kind != "nearest":
        rows = model.starts
    else:
        # What is compared, of starts or of texts, is in the map already, a row an item with text.
        rows = np.zeros((len(model.items), item_map.arrays_by_name["starts"].shape[1]), dtype=np.float32)
        rows[model.has_text] = item_map.arrays_by_name["starts"]
    plain = replace(item_map.shape, by_text=False)
    fitted = fit_item_map(plain, rows[kept], model.items[kept], model.degrees[kept], 1.0, scale=scale)
    return fitted.vectors(rows[cold])


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The interactions that are measured, and how the model ranks the warm items of their users.

    Attributes:
        users: int64 of shape (n,), ascending.
        items: int64 of shape (n,).
        scores: float32 of shape (n,), the model's.
        best: int64 of shape (n, K or more), the best items of each user that are not in training.
        best_scores: float32 of the same shape.
    """

    users: IntArray
    items: IntArray
    scores: FloatArray
    best: IntArray
    best_scores: FloatArray

    @classmethod
    def of(cls, model: WarmModel, rng: np.random.Generator) -> "_Pairs":
        users = np.repeat(np.arange(len(model.users)), np.diff(model.valid.indptr))
        items = model.valid.indices.astype(np.int64)
        if len(users) > _MAX_INTERACTIONS:
            chosen = np.sort(rng.choice(len(users), _MAX_INTERACTIONS, replace=False))
            users, items = users[chosen], items[chosen]
        width = min(_N_TOP, len(model.items))
        best, best_scores = np.empty((len(users), width), dtype=np.int64), np.empty((len(users), width), np.float32)
        scores = np.empty(len(users), dtype=np.float32)
        for block in _blocks(len(users), len(model.items)):
            of_all = _unseen(model.users[users[block]] @ model.items.T, model.train[users[block]])
            scores[block] = of_all[np.arange(len(of_all)), items[block]]
            best[block] = np.argpartition(-of_all, width - 1, axis=1)[:, :width]
            best_scores[block] = np.take_along_axis(of_all, best[block], axis=1)
        return cls(users, items, scores, best, best_scores)

    def outcome(
        self, model: WarmModel, cold: IntArray, in_fold: BoolArray, vectors: FloatArray, exposures: Sequence[float]
    ) -> Float64Array:
        """Return, at each exposure, the sums of warm ndcg@10 before and after, and the cold items among the ten best.

        Args:
            model: The model.
            cold: int64 of shape (n_cold,), the items that are pretended to be cold.
            in_fold: bool of shape (n_items,), the same.
            vectors: float32 of shape (n_cold, d), what the map makes of them at exposure 1.
            exposures: The dial.
        """
        result = np.zeros((len(exposures), 3))
        factors = np.array(exposures, dtype=np.float32)
        places = np.full(len(in_fold), -1)
        places[cold] = np.arange(len(cold))
        for block in _blocks(len(self.users), len(cold)):
            others = model.users[self.users[block]] @ vectors.T
            warm_best = np.where(in_fold[self.best[block]], -np.inf, self.best_scores[block])
            is_cold = in_fold[self.items[block]]
            warm, pretended = np.flatnonzero(~is_cold), np.flatnonzero(is_cold)
            scores = self.scores[block][warm, np.newaxis]
            before = (warm_best[warm] > scores).sum(axis=1)
            # Of more than K items ahead, it does not matter how many more.
            after = before + _counts_above(_largest(others[warm]), scores / factors)
            own = others[pretended, places[self.items[block][pretended]]][:, np.newaxis]
            ranks = (others[pretended] > own).sum(axis=1) + _counts_above(warm_best[pretended], own * factors)
            result[:, 0] += _gains(before).sum()
            result[:, 1] += _gains(after).sum(axis=1)
            result[:, 2] += (ranks < K).sum(axis=1)
        return result


def _largest(scores: FloatArray) -> FloatArray:
    """Return the K largest of each row, or all where there are fewer."""
    if scores.shape[1] <= K:
        return scores
    largest: FloatArray = -np.partition(-scores, K - 1, axis=1)[:, :K]
    return largest


def _counts_above(scores: FloatArray, bounds: FloatArray) -> IntArray:
    """Return how many of each row's scores are above each of its bounds: int64 of shape (n_bounds, n).

    Args:
        scores: float32 of shape (n, m).
        bounds: float32 of shape (n, n_bounds).
    """
    return np.array([(scores > bound[:, np.newaxis]).sum(axis=1) for bound in bounds.T], dtype=np.int64)


def _gains(ahead: IntArray) -> Float64Array:
    """Return the ndcg@10 of interactions, by the number of items that are ranked before each; of any shape."""
    gains: Float64Array = np.where(ahead < K, 1 / np.log2(ahead + 2.0), 0.0)
    return gains


def _unseen(scores: FloatArray, seen: csr_array) -> FloatArray:
    scores[np.repeat(np.arange(len(scores)), np.diff(seen.indptr)), seen.indices] = -np.inf
    return scores


def _folds(has_text: BoolArray, rng: np.random.Generator) -> Iterator[IntArray]:
    """Yield the items that are pretended to be cold together: parts of those that have text."""
    items = rng.permutation(np.flatnonzero(has_text))
    size = min(len(items) // _N_FOLDS, _MAX_COLD)
    for index in range(min(_N_FOLDS, _MAX_COLD // max(size, 1)) if size else 0):
        yield np.sort(items[index * size : (index + 1) * size])


def _blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    size = max(1, _BLOCK_BYTES // (8 * max(1, n_columns)))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))

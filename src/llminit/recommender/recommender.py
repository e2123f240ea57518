"""The fitted artefact: a model that serves, with its ids, what each user has seen, and how it was made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from scipy.sparse import issparse

from llminit.arrays import FloatArray, IntArray
from llminit.config import MAX_COUNT
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ConfigError, UnknownIdError, shown
from llminit.evaluation.top_items import best_items
from llminit.ids import examples, requested
from llminit.models.serving import DotProduct, ServingModel
from llminit.progress import SILENT, Reporter
from llminit.recommender.choice import Candidates, like_input
from llminit.recommender.measure import measure
from llminit.recommender.text_recipe import TextRecipe

_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class Recommender:
    """Answers "what next?" for known users and "what else?" for known items.

    Attributes:
        users: The user ids.
        items: The item ids.
        model: Scores every item for a user.
        seen: What each user has, float32 CSR of shape (n_users, n_items); not recommended again.
        item_table: The caller's columns of the items, one row an item in code order, or None.
        text: How a new item's text becomes an initial embedding, or None where no text was used.
        report: How it was made: options, counts, metrics, learning curve; JSON values only.
    """

    users: Vocabulary
    items: Vocabulary
    model: ServingModel
    seen: sp.csr_array
    item_table: pl.DataFrame | None = None
    text: TextRecipe | None = None
    report: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return a line for people."""
        config = self.report.get("config", {})
        made = " + ".join(str(config[name]) for name in ("backbone", "init") if config.get(name))
        return f"<Recommender{f' {made}' if made else ''}: {len(self.users)} users, {len(self.items)} items>"

    def recommend(
        self,
        user_ids: Any = None,
        k: int | Sequence[int] = 10,
        *,
        exclude_seen: bool = True,
        candidates: Any = None,
        exclude: Any = None,
        where: Mapping[str, Any] | None = None,
        reporter: Reporter = SILENT,
    ) -> Any:
        """Return the best items of each user.

        Args:
            user_ids: Whom to recommend to: a sequence or a column of ids; None means every user.
            k: Items a user, one number or one for each user; a user with fewer items left gets fewer.
            exclude_seen: Leave out what the user already has.
            candidates: Ids of the items to choose from; None means all.
            exclude: Ids of items that nobody is to get, or a table with `user_id` and `item_id`: what each user is not
                to get.
            where: Columns of the item table and the value, or list of values, that an item must have there.
            reporter: Receives progress.

        Returns:
            Columns `user_id`, `item_id`, `score` (float32), `rank` (from 1) and, where titles are known, `title`: a
            polars table, or a pandas one for pandas ids.

        Raises:
            UnknownIdError: A user, candidate or excluded item is not in the data.
            ConfigError: k is less than 1, or there is no such column.
        """
        codes = self._user_codes(user_ids)
        counts = _counts(k, len(codes))
        chosen = Candidates.make(self.items, self.item_table, candidates, exclude, where, self.users)
        items, scores = self._best(codes, counts, chosen, exclude_seen=exclude_seen, reporter=reporter)
        ranked = self._ranked(items, scores)
        users = self.users.ids_of(np.repeat(codes, (items >= 0).sum(axis=1))).alias("user_id")
        return like_input(ranked.insert_column(0, users), user_ids)

    def similar_items(self, item_id: Any, k: int = 10) -> Any:
        """Return the items whose vectors have the highest cosine similarity to an item's.

        Args:
            item_id: One id, or a sequence or column of them.
            k: How many for each.

        Returns:
            Columns `item_id`, `score` (float32, -1 to 1), `rank` (from 1) and, where titles are known, `title`. For
            several ids, a first column `query_id` says to which item a row belongs.

        Raises:
            UnknownIdError: An item is not in the data.
            ConfigError: k is less than 1.
        """
        several = isinstance(item_id, Iterable) and not isinstance(item_id, str | bytes | Mapping)
        k = _checked_k(k)
        codes = self._item_codes(item_id) if several else np.array([self._code_of(self.items, item_id)])
        items, scores = self._most_similar(codes, min(k, len(self.items)))
        ranked = self._ranked(items, scores)
        if not several:
            return ranked
        queries = self.items.ids_of(np.repeat(codes, (items >= 0).sum(axis=1))).alias("query_id")
        return like_input(ranked.insert_column(0, queries), item_id)

    def evaluate(self, interactions: Any, ks: Sequence[int] = (10, 20)) -> dict[str, Any]:
        """Measure the model on interactions that it has not seen, under both protocols.

        Args:
            interactions: A path or a table with `user_id` and `item_id`.
            ks: The lengths of the lists that are measured.

        Returns:
            "metrics": by protocol, names such as "recall@10"; and counts: "n_users" and "n_interactions" that were
            measured, "n_seen" that the model knew already, "n_unknown_users" and "n_unknown_items", whose interactions
            are left out.

        Raises:
            ConfigError: `ks` are not whole numbers of at least 1.
            DataError: The table cannot be read, or nothing in it can be measured.
        """
        return measure(self.model, self.users, self.items, self.seen, interactions, _checked_ks(ks))

    def user_embeddings(self) -> pl.DataFrame:
        """Return the users' embeddings: columns `user_id` and `embedding` (float32).

        Raises:
            ConfigError: The model has none.
        """
        model = self._dot_product()
        return pl.DataFrame({"user_id": self.users.ids, "embedding": pl.Series(model.users)})

    def item_embeddings(self) -> pl.DataFrame:
        """Return the items' embeddings: columns `item_id` and `embedding` (float32).

        Raises:
            ConfigError: The model has none.
        """
        model = self._dot_product()
        return pl.DataFrame({"item_id": self.items.ids, "embedding": pl.Series(model.items)})

    def user_history(self, user_id: Any) -> pl.DataFrame:
        """Return what a user has: column `item_id` and, where titles are known, `title`.

        Raises:
            UnknownIdError: The user is not in the data.
        """
        return pl.DataFrame(self._item_columns(self.seen[[self._code_of(self.users, user_id)]].indices))

    def knows_user(self, user_ids: pl.Series) -> pl.Series:
        """Return, for each id, whether it is a known user."""
        return pl.Series(self.users.codes(user_ids) >= 0)

    def save(self, folder: str | Path) -> None:
        """Write a folder of safetensors, Parquet and JSON with checksums.

        Raises:
            StorageError: It cannot be written; what was there before is untouched.
        """
        from llminit.recommender.saving import save

        save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a folder that `save` wrote, of this version or an earlier one.

        Raises:
            ArtefactError: It is missing, damaged, of another kind or of a newer version.
        """
        from llminit.recommender.saving import load

        return cls(**load(Path(folder)))

    @cached_property
    def titles(self) -> pl.Series | None:
        """The items' titles in code order, or None where the item table has none."""
        columns = [] if self.item_table is None else self.item_table.columns
        return self.item_table["title"] if self.item_table is not None and "title" in columns else None

    def _best(
        self, codes: IntArray, counts: IntArray, chosen: Candidates, *, exclude_seen: bool, reporter: Reporter
    ) -> tuple[IntArray, FloatArray]:
        width = min(int(counts.max(initial=1)), len(self.items))
        items = np.full((len(codes), width), -1, dtype=np.int64)
        best = np.full((len(codes), width), -np.inf, dtype=np.float32)
        with reporter.task("recommending", len(codes)) as task:
            for block in self._blocks(len(codes)):
                history = self.seen[codes[block]]
                scores = self.model.scores(codes[block], history)
                chosen.remove(scores, codes[block])
                if exclude_seen:
                    scores[np.repeat(np.arange(len(scores)), np.diff(history.indptr)), history.indices] = -np.inf
                items[block], best[block] = best_items(scores, width)
                task.advance(len(scores))
        beyond = np.arange(width) >= counts[:, np.newaxis]
        items[beyond], best[beyond] = -1, -np.inf
        return items, best

    def _most_similar(self, codes: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        items = np.full((len(codes), k), -1, dtype=np.int64)
        best = np.full((len(codes), k), -np.inf, dtype=np.float32)
        for block in self._blocks(len(codes)):
            product = self._directions[codes[block]] @ self._directions.T
            cosines = np.asarray(product.toarray() if issparse(product) else product, dtype=np.float32)
            cosines[np.arange(len(cosines)), codes[block]] = -np.inf
            items[block], best[block] = best_items(cosines, k)
        return items, best

    @cached_property
    def _directions(self) -> Any:
        vectors = self.model.item_vectors()
        if not isinstance(vectors, np.ndarray):
            lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
            return sp.csr_array(sp.diags_array(1 / np.maximum(lengths, 1e-12)) @ vectors)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)

    def _blocks(self, n_rows: int) -> Iterator[slice]:
        size = max(1, _BLOCK_BYTES // (8 * max(1, len(self.items))))
        for start in range(0, n_rows, size):
            yield slice(start, min(start + size, n_rows))

    def _dot_product(self) -> DotProduct:
        if not isinstance(self.model, DotProduct):
            raise ConfigError(
                f"this model is of the form {self.model.form!r} and has no embeddings; fit a backbone to have some"
            )
        return self.model

    def _user_codes(self, user_ids: Any) -> IntArray:
        if user_ids is None:
            return np.arange(len(self.users))
        if not isinstance(user_ids, Iterable) or isinstance(user_ids, str | bytes | Mapping):
            text = shown(user_ids)
            raise ConfigError(f"user_ids={text} is one id, expected a list of them; write [{text}]")
        return self._known(self.users, user_ids, "users")

    def _item_codes(self, item_ids: Any) -> IntArray:
        return self._known(self.items, item_ids, "items")

    def _known(self, vocabulary: Vocabulary, ids: Any, what: str) -> IntArray:
        wanted = requested(ids, f"{vocabulary.kind} ids")
        codes = vocabulary.codes(wanted)
        unknown = np.flatnonzero(codes < 0)
        if len(unknown) == 1:
            self._code_of(vocabulary, wanted[int(unknown[0])])
        if len(unknown):
            raise UnknownIdError(
                f"{len(unknown)} of {len(codes)} {what} are not in the data, such as "
                f"{examples(wanted.gather(unknown))}; the {vocabulary.kind} ids of the model are such as "
                f"{examples(vocabulary.ids)}: leave the others out{self._filtered()}"
            )
        return codes

    def _code_of(self, vocabulary: Vocabulary, identifier: Any) -> int:
        try:
            return vocabulary.code_of(identifier)
        except UnknownIdError as error:
            raise UnknownIdError(f"{error}{self._filtered()}") from error

    def _filtered(self) -> str:
        """Return what to add to the message about an unknown id: it may have been in the data and filtered out."""
        config = self.report.get("config", {})
        filters = []
        if config.get("min_rating") is not None:
            filters.append(f"rating >= {config['min_rating']:g}")
        if (config.get("k_core") or 1) > 1:
            filters.append(f"the {config['k_core']}-core")
        return f" (the model was fitted to what {' and '.join(filters)} left of its data)" if filters else ""

    def _ranked(self, items: IntArray, scores: FloatArray) -> pl.DataFrame:
        is_item = items >= 0
        ranks = np.broadcast_to(np.arange(1, items.shape[1] + 1), items.shape)
        item_ids, *titles = self._item_columns(items[is_item])
        # Series by series: each operation on a table takes a tenth of the time of a whole request.
        return pl.DataFrame([item_ids, pl.Series("score", scores[is_item]), pl.Series("rank", ranks[is_item]), *titles])

    def _item_columns(self, codes: IntArray) -> list[pl.Series]:
        titles = [] if self.titles is None else [self.titles.gather(codes).alias("title")]
        return [self.items.ids_of(codes).alias("item_id"), *titles]


def _checked_ks(ks: Sequence[int]) -> list[int]:
    if not isinstance(ks, Iterable) or isinstance(ks, str | bytes):
        raise ConfigError(f"ks={shown(ks)} cannot be used; expected a list of whole numbers of at least 1: write [10]")
    checked = [_checked_k(k) for k in ks]
    if not checked:
        raise ConfigError("ks is empty; expected at least one whole number, such as 10")
    return checked


def _counts(k: int | Sequence[int], n_users: int) -> IntArray:
    if isinstance(k, int | np.integer) and not isinstance(k, bool):
        return np.full(n_users, _checked_k(k), dtype=np.int64)
    try:
        counts = np.asarray(k)
    except ValueError:
        counts = np.empty(0)
    if counts.shape != (n_users,) or not np.issubdtype(counts.dtype, np.integer) or counts.min(initial=1) < 1:
        raise ConfigError(f"k={shown(k)} cannot be used; expected a whole number of at least 1, or one for each user")
    return counts.astype(np.int64)


def _checked_k(k: int) -> int:
    """Return k, cut to what an array can hold; a user gets no more items than there are."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer):
        raise ConfigError(f"k={shown(k)} cannot be used; expected a whole number of at least 1")
    if k < 1:
        raise ConfigError(f"k={k} cannot be used, expected at least 1")
    return min(int(k), MAX_COUNT)

"""What a recommender holds, and what every question to it needs: ids to codes, titles, the items that may be shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp

from llminit.arrays import BoolArray, FloatArray, IntArray
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ConfigError
from llminit.models.mixture import Mixture
from llminit.models.serving import DotProduct, ServingModel
from llminit.recommender.choice import Candidates
from llminit.recommender.folding import FoldIn, leaves
from llminit.recommender.lookup import known_code, known_codes
from llminit.recommender.ranking import directions_of
from llminit.recommender.text_recipe import TextRecipe
from llminit.recommender.trained_rows import TrainedRows


@dataclass(frozen=True, eq=False)
class State:
    """A model with its ids and all that belongs to it.

    Attributes:
        users: The user ids.
        items: The item ids; those that were folded in come last.
        model: Scores every item for a user.
        seen: What each user has, float32 CSR of shape (n_users, n_items); not recommended again.
        item_table: The caller's columns of the items, one row an item in code order, or None.
        text: How a new item's text becomes an initial embedding, or None where no text was used.
        report: How it was made: options, counts, metrics, learning curve; JSON values only.
        fold_in: What makes cold items and users servable; None in folders that earlier versions saved.
        folded_texts: The text embeddings of the items that were folded in, float32 of shape (n_folded, D), a row of
            zeros for one without text; None where there are none.
        pending: The interactions that were added since the last training, float32 CSR of the shape of `seen`, or None.
        trained: The rows that training ended with, where `refresh` can go on from them.
        removed: bool of shape (n_items,), items that are in no list; None where there are none.
    """

    users: Vocabulary
    items: Vocabulary
    model: ServingModel
    seen: sp.csr_array
    item_table: pl.DataFrame | None = None
    text: TextRecipe | None = None
    report: dict[str, Any] = field(default_factory=dict)
    fold_in: FoldIn | None = None
    folded_texts: FloatArray | None = None
    removed: BoolArray | None = None
    pending: sp.csr_array | None = None
    trained: TrainedRows | None = None

    @property
    def n_warm(self) -> int:
        """How many items the model was fitted to; their codes come first."""
        return len(self.items) - (0 if self.folded_texts is None else len(self.folded_texts))

    @property
    def folded(self) -> BoolArray:
        """Which items were folded in, bool of shape (n_items,)."""
        return np.arange(len(self.items)) >= self.n_warm

    @property
    def exposure(self) -> float | None:
        """The length of folded items' vectors, in units of that of warm items with few interactions; None without."""
        return None if self.fold_in is None else self.fold_in.exposure

    @cached_property
    def unavailable(self) -> BoolArray | None:
        """The items that are in no list, bool of shape (n_items,), or None: removed, or folded in and not exposed."""
        if self.folded_texts is None or self.exposure != 0:
            return self.removed
        return self.folded if self.removed is None else self.folded | self.removed

    @cached_property
    def titles(self) -> pl.Series | None:
        """The items' titles in code order, or None where the item table has none."""
        columns = [] if self.item_table is None else self.item_table.columns
        return self.item_table["title"] if self.item_table is not None and "title" in columns else None

    @cached_property
    def directions(self) -> Any:
        """The items' vectors at length 1, float32 of shape (n_items, any), dense or sparse."""
        return directions_of(self.model.item_vectors())

    def part_directions(self, index: int) -> Any:
        """Return the same of one of the models that this one is made of."""
        part = leaves(self.model)[index]
        return (
            self.directions if part.item_vectors() is self.model.item_vectors() else directions_of(part.item_vectors())
        )

    def mean_user(self, index: int) -> FloatArray:
        """Return the mean user of one of the models that this one is made of, float32 of shape (d,)."""
        return self._mean_users[index]

    def user_embeddings(self) -> pl.DataFrame:
        """Return the users' embeddings: columns `user_id` and `embedding` (float32).

        Raises:
            ConfigError: The model has none.
        """
        return pl.DataFrame({"user_id": self.users.ids, "embedding": pl.Series(self._dot_product().users)})

    def item_embeddings(self) -> pl.DataFrame:
        """Return the items' embeddings: columns `item_id` and `embedding` (float32).

        Raises:
            ConfigError: The model has none.
        """
        return pl.DataFrame({"item_id": self.items.ids, "embedding": pl.Series(self._dot_product().items)})

    def user_history(self, user_id: Any) -> pl.DataFrame:
        """Return what a user has: column `item_id` and, where titles are known, `title`.

        Raises:
            UnknownIdError: The user is not in the data.
        """
        return pl.DataFrame(self.item_columns(self.seen[[self.user_code(user_id)]].indices))

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

    def user_code(self, user_id: Any) -> int:
        """Return a user's code.

        Raises:
            UnknownIdError: The user is not in the data.
        """
        return known_code(self.users, user_id, self.report)

    def item_codes(self, item_ids: Any) -> IntArray:
        """Return items' codes, int64 of shape (len(item_ids),).

        Raises:
            UnknownIdError: An item is not in the data.
        """
        return known_codes(self.items, item_ids, "items", self.report)

    def candidates(
        self, candidates: Any, exclude: Any, where: Mapping[str, Any] | None, *, of_users: bool = True
    ) -> Candidates:
        """Return the items that may be recommended; `of_users` says whether the lists are of known users.

        Raises:
            UnknownIdError: An id is not in the data.
            ConfigError: The item table has no such column.
        """
        users = self.users if of_users else None
        return Candidates.make(self.items, self.item_table, candidates, exclude, where, users, self.unavailable)

    def ranked(self, items: IntArray, scores: FloatArray) -> pl.DataFrame:
        """Return lists as columns `item_id`, `score`, `rank` and, where titles are known, `title`.

        Args:
            items: int64 of shape (n, width), item codes, best first; -1 where there are fewer.
            scores: float32 of the same shape.
        """
        is_item = items >= 0
        ranks = np.broadcast_to(np.arange(1, items.shape[1] + 1), items.shape)
        item_ids, *titles = self.item_columns(items[is_item])
        # Series by series: each operation on a table takes a tenth of the time of a whole request.
        return pl.DataFrame([item_ids, pl.Series("score", scores[is_item]), pl.Series("rank", ranks[is_item]), *titles])

    def item_columns(self, codes: IntArray) -> list[pl.Series]:
        """Return the columns `item_id` and, where titles are known, `title` of item codes."""
        titles = [] if self.titles is None else [self.titles.gather(codes).alias("title")]
        return [self.items.ids_of(codes).alias("item_id"), *titles]

    @cached_property
    def _mean_users(self) -> list[FloatArray]:
        nothing = np.zeros((1, 0), dtype=np.float32)
        tables = [part.users if isinstance(part, DotProduct) else nothing for part in leaves(self.model)]
        return [users.mean(axis=0, dtype=np.float64).astype(np.float32) for users in tables]

    def _dot_product(self) -> DotProduct:
        if not isinstance(self.model, DotProduct):
            distil = "; a mixture has some with its option distill=256" if isinstance(self.model, Mixture) else ""
            raise ConfigError(
                f"this model is of the form {self.model.form!r} and has no embeddings; fit a backbone to have "
                f"some, such as backbone='softmax'{distil}"
            )
        return self.model

"""The fitted artefact: embeddings with their ids, what each user has seen, and how it was made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp

from llminit.arrays import FloatArray, IntArray
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ArtefactError, ConfigError, UnknownIdError
from llminit.evaluation import factor_scorer, top_k
from llminit.progress import SILENT, Reporter
from llminit.recommender.artefact import Artefact, read_artefact, write_artefact
from llminit.version import __version__

KIND = "recommender"
FILES = frozenset(
    {"embeddings.safetensors", "seen.safetensors", "users.parquet", "items.parquet", "report.json", "manifest.json"}
)


@dataclass(frozen=True, eq=False)
class Recommender:
    """Answers "what next?" for known users and "what else?" for known items by dot products alone.

    Attributes:
        users: The user ids.
        items: The item ids.
        user_embeddings: float32 of shape (n_users, d).
        item_embeddings: float32 of shape (n_items, d).
        seen: What each user has, of shape (n_users, n_items); not recommended again.
        titles: The items' titles, in code order, or None where the item table had none.
        report: How it was made: options, counts, metrics, learning curve; JSON values only.
    """

    users: Vocabulary
    items: Vocabulary
    user_embeddings: FloatArray
    item_embeddings: FloatArray
    seen: sp.csr_array
    titles: pl.Series | None = None
    report: dict[str, Any] = field(default_factory=dict)

    def recommend(
        self,
        user_ids: Sequence[Any] | pl.Series | None = None,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        reporter: Reporter = SILENT,
    ) -> pl.DataFrame:
        """Return the k best items of each user.

        Args:
            user_ids: Whom to recommend to; None means every user.
            k: Items a user; a user with fewer items left gets fewer.
            exclude_seen: Leave out what the user already has.
            reporter: Receives progress.

        Returns:
            Columns `user_id`, `item_id`, `score` (float32), `rank` (from 1) and, where titles are known, `title`.

        Raises:
            UnknownIdError: A user is not in the data.
            ConfigError: k is less than 1.
        """
        codes = self._user_codes(user_ids)
        scorer = factor_scorer(self.user_embeddings, self.item_embeddings)
        _check_k(k)
        items, scores = top_k(
            scorer, codes, min(k, len(self.items)), self.seen if exclude_seen else None, reporter=reporter
        )
        ranked = self._ranked(items, scores)
        users = self.users.ids_of(np.repeat(codes, (items >= 0).sum(axis=1))).alias("user_id")
        return ranked.insert_column(0, users)

    def similar_items(self, item_id: Any, k: int = 10) -> pl.DataFrame:
        """Return the k items whose embeddings have the highest cosine similarity to one item's.

        Returns:
            Columns `item_id`, `score` (float32, -1 to 1), `rank` (from 1) and, where titles are known, `title`.

        Raises:
            UnknownIdError: The item is not in the data.
            ConfigError: k is less than 1.
        """
        _check_k(k)
        code = self.items.code_of(item_id)
        lengths = np.linalg.norm(self.item_embeddings, axis=1, keepdims=True)
        directions = self.item_embeddings / np.maximum(lengths, 1e-12)
        itself = sp.csr_array(([1.0], ([0], [code])), shape=(1, len(self.items)))
        scorer = factor_scorer(directions[code : code + 1], directions)
        items, scores = top_k(scorer, np.zeros(1, dtype=np.int64), min(k, len(self.items)), itself)
        return self._ranked(items, scores)

    def user_history(self, user_id: Any) -> pl.DataFrame:
        """Return what a user has: column `item_id` and, where titles are known, `title`.

        Raises:
            UnknownIdError: The user is not in the data.
        """
        return self._item_columns(self.seen[[self.users.code_of(user_id)]].indices)

    def knows_user(self, user_ids: pl.Series) -> pl.Series:
        """Return, for each id, whether it is a known user."""
        return pl.Series(self.users.codes(user_ids) >= 0)

    def save(self, folder: str | Path) -> None:
        """Write a folder of safetensors, Parquet and JSON with checksums.

        Raises:
            StorageError: It cannot be written; what was there before is untouched.
        """
        arrays = {"users": self.user_embeddings, "items": self.item_embeddings}
        seen = {"indptr": self.seen.indptr.astype(np.int64), "indices": self.seen.indices.astype(np.int32)}
        items = pl.DataFrame({"item_id": self.items.ids})
        if self.titles is not None:
            items = items.with_columns(self.titles.alias("title"))
        artefact = Artefact(
            KIND,
            arrays={"embeddings": arrays, "seen": seen},
            tables={"users": pl.DataFrame({"user_id": self.users.ids}), "items": items},
            documents={"report": self.report},
        )
        write_artefact(Path(folder), artefact, __version__)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a folder that `save` wrote.

        Raises:
            ArtefactError: It is missing, damaged, of another kind or of a newer version.
        """
        artefact = read_artefact(Path(folder), KIND)
        try:
            users, items = artefact.tables["users"], artefact.tables["items"]
            embeddings, seen = artefact.arrays["embeddings"], artefact.arrays["seen"]
            recommender = cls(
                Vocabulary(users["user_id"], "user"),
                Vocabulary(items["item_id"], "item"),
                embeddings["users"],
                embeddings["items"],
                sp.csr_array(
                    (np.ones(len(seen["indices"]), dtype=np.float32), seen["indices"], seen["indptr"]),
                    shape=(len(users), len(items)),
                ),
                items["title"] if "title" in items.columns else None,
                artefact.documents["report"],
            )
        except (KeyError, ValueError, pl.exceptions.PolarsError) as error:
            raise ArtefactError(f"{folder} is not a whole recommender ({error!r}); make it anew") from error
        return recommender

    def _user_codes(self, user_ids: Sequence[Any] | pl.Series | None) -> IntArray:
        if user_ids is None:
            return np.arange(len(self.users))
        if isinstance(user_ids, str | bytes):
            raise ConfigError(f"user_ids={user_ids!r} is one id, expected a list of them; write [{user_ids!r}]")
        codes = self.users.codes(user_ids)
        unknown = np.flatnonzero(codes < 0)
        if len(unknown) == 1:
            self.users.code_of(list(user_ids)[unknown[0]])
        if len(unknown):
            examples = ", ".join(repr(list(user_ids)[place]) for place in unknown[:3])
            raise UnknownIdError(
                f"{len(unknown)} of {len(codes)} users are not in the data, such as {examples}; leave them out"
            )
        return codes

    def _ranked(self, items: IntArray, scores: FloatArray) -> pl.DataFrame:
        found = items >= 0
        ranks = np.broadcast_to(np.arange(1, items.shape[1] + 1), items.shape)
        columns = self._item_columns(items[found])
        measured = [pl.Series("score", scores[found]), pl.Series("rank", ranks[found])]
        return columns.select("item_id").with_columns(*measured).hstack(columns.drop("item_id").get_columns())

    def _item_columns(self, codes: IntArray) -> pl.DataFrame:
        columns = [self.items.ids_of(codes).alias("item_id")]
        if self.titles is not None:
            columns.append(self.titles.gather(codes).alias("title"))
        return pl.DataFrame(columns)


def _check_k(k: int) -> None:
    if k < 1:
        raise ConfigError(f"k={k} cannot be used, expected at least 1")

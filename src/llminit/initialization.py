"""Initial embeddings: text embeddings + a selector + training interactions -> user and item vectors.

Items get their text embeddings as reduced by the selector, users the mean of the items in their training history.
Items without text get the mean over the items with text; users without history the mean over all items.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from safetensors.numpy import save_file

from llminit.arrays import FloatArray
from llminit.errors import EmbeddingError
from llminit.mapped import is_mapped, taken
from llminit.out_paths import check_out_folder
from llminit.selectors import Selection, fit_selector, graph_spectrum, row_norm
from llminit.storage import check_replaceable, check_target_folder, replacing_folder, write_npy
from llminit.text.embeddings import TextEmbeddings

FILES = ("embeddings.safetensors", "users.npy", "items.npy", "users.parquet", "items.parquet")
"""What `InitialEmbeddings.save` writes."""

_USERS_AT_ONCE = 2**17


@dataclass(frozen=True)
class InitialEmbeddings:
    """Vectors to start a collaborative-filtering model from.

    Attributes:
        user_ids: The users' ids, in row order.
        item_ids: The items' ids, in row order.
        users: float32 of shape (n_users, d).
        items: float32 of shape (n_items, d).
        n_items_without_text: Items that got the mean row.
        n_users_without_history: Users that got the mean row.
        selection: What made the items' embeddings from their text, fitted; None without text.
    """

    user_ids: pl.Series
    item_ids: pl.Series
    users: FloatArray
    items: FloatArray
    n_items_without_text: int = 0
    n_users_without_history: int = 0
    selection: Selection | None = None

    @property
    def embedding_size(self) -> int:
        """d, the number of columns."""
        return int(self.items.shape[1])

    def save(self, folder: str | Path) -> None:
        """Write a folder that any trainer can load: safetensors, Parquet and numpy, all in the same row order.

        It holds `embeddings.safetensors` (tensors `users`, `items`), `users.parquet` and `items.parquet` (an id and an
        `embedding` column), `users.npy` and `items.npy`.

        Raises:
            StorageError: The folder cannot be written; what was there before is untouched.
        """
        with replacing_folder(Path(folder)) as temporary:
            # safetensors writes the memory as it is: an array that is not in C order would come back scrambled.
            arrays = {"users": np.ascontiguousarray(self.users), "items": np.ascontiguousarray(self.items)}
            save_file(arrays, temporary / "embeddings.safetensors")
            for kind, ids, values in (("user", self.user_ids, self.users), ("item", self.item_ids, self.items)):
                write_npy(temporary / f"{kind}s.npy", values)
                table = pl.DataFrame({f"{kind}_id": ids, "embedding": pl.Series(values)})
                table.write_parquet(temporary / f"{kind}s.parquet")


def check_can_save(folder: Path) -> None:
    """Check, before any work, that initial embeddings can be saved to a folder.

    Raises:
        StorageError: It cannot be written, or holds other things.
    """
    check_out_folder(folder)
    check_target_folder(folder)
    check_replaceable(folder, FILES)


def initial_embeddings(
    user_ids: pl.Series,
    text: TextEmbeddings,
    train: sp.csr_array,
    *,
    select: str,
    embedding_size: int,
    seed: int = 0,
    options: dict[str, Any] | None = None,
) -> InitialEmbeddings:
    """Make initial embeddings from text.

    Args:
        user_ids: The users' ids, in row order.
        text: Text embeddings, one row per column of `train`.
        train: Training interactions of shape (n_users, n_items), ones.
        select: Name of a selector.
        embedding_size: d.
        seed: Seed of the selector's randomness.
        options: The selector's own options.

    Raises:
        ConfigError: The selector or an option is unknown.
        EmbeddingError: No item has text, or the text embeddings are too narrow.
    """
    present = ~text.missing
    if not present.any():
        raise EmbeddingError(
            f"none of {len(text.ids)} items has a text embedding, expected some; check that both tables use the same "
            "item ids"
        )
    degrees = np.bincount(train.indices, minlength=train.shape[1])
    whole, is_streamed = bool(present.all()), is_mapped(text.values)
    # A table that is mapped from disk stays there: all rows as they are, or those with text in another mapped one.
    mapped_text = (text.values if whole else taken(text.values, present)) if is_streamed else None
    selection = fit_selector(
        select,
        text.values[present] if mapped_text is None else mapped_text,
        embedding_size,
        item_degrees=degrees[present],
        rng=np.random.default_rng(seed),
        interactions=train[:, present],
        options=options,
    )
    items = selection.apply_in_blocks(text.values) if is_streamed else selection.apply(text.values)
    if selection.rows is not None:
        items[present] = selection.rows
    # In float64, because a float32 sum over a large catalogue loses digits.
    if not whole:
        items[text.missing] = items[present].mean(axis=0, dtype=np.float64)
    users, n_without_history = user_means(items, train)
    return InitialEmbeddings(
        user_ids, text.ids, users, items, text.n_missing, n_without_history, replace(selection, rows=None)
    )


def user_means(items: FloatArray, train: sp.csr_array) -> tuple[FloatArray, int]:
    """Average each user's training items.

    Args:
        items: float32 of shape (n_items, d).
        train: Training interactions of shape (n_users, n_items), ones.

    Returns:
        float32 of shape (n_users, d), and how many users have no history and got the mean over all items.
    """
    n_seen = np.diff(train.indptr)
    users = np.empty((train.shape[0], items.shape[1]), dtype=np.float32)
    # The means are in float64, so that only those of some users are there at once.
    for start in range(0, len(users), _USERS_AT_ONCE):
        some = slice(start, start + _USERS_AT_ONCE)
        users[some] = (train[some] @ items) / np.maximum(n_seen[some], 1)[:, None]
    users[n_seen == 0] = items.mean(axis=0, dtype=np.float64)
    return users, int((n_seen == 0).sum())


def xavier_embeddings(user_ids: pl.Series, item_ids: pl.Series, embedding_size: int, seed: int) -> InitialEmbeddings:
    """Draw initial embeddings without text, uniform in +-sqrt(6 / (rows + d)) (Glorot & Bengio, 2010)."""
    rng = np.random.default_rng(seed)

    def draw(n_rows: int) -> FloatArray:
        bound = np.sqrt(6 / (n_rows + embedding_size))
        return rng.uniform(-bound, bound, size=(n_rows, embedding_size)).astype(np.float32)

    return InitialEmbeddings(user_ids, item_ids, draw(len(user_ids)), draw(len(item_ids)))


def svd_embeddings(
    user_ids: pl.Series, item_ids: pl.Series, train: sp.csr_array, embedding_size: int, seed: int
) -> InitialEmbeddings:
    """Make initial embeddings from the training graph's spectrum, without text.

    Items get the graph's leading singular vectors, scaled to a root mean squared length of 1, users the mean of the
    items in their training history. Items without interactions get the mean over the others.

    Args:
        user_ids: The users' ids, in row order.
        item_ids: The items' ids, in row order.
        train: Training interactions of shape (n_users, n_items), ones.
        embedding_size: d.
        seed: Where the search for the singular vectors begins.

    Raises:
        EmbeddingError: The graph has fewer directions.
    """
    spectrum = graph_spectrum(train, embedding_size, np.random.default_rng(seed))
    items = spectrum.astype(np.float32)
    items /= np.float32(row_norm(items))
    is_seen = np.bincount(train.indices, minlength=len(items)) > 0
    items[~is_seen] = items[is_seen].mean(axis=0, dtype=np.float64)
    users, n_without_history = user_means(items, train)
    return InitialEmbeddings(user_ids, item_ids, users, items, n_users_without_history=n_without_history)

"""What can change in a server: items that are added or removed, interactions, and the dial.

A change is a value. It is applied to a recommender, stored, and applied again when the server starts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from llminit.arrays import FloatArray
from llminit.errors import DataError
from llminit.recommender import Recommender
from llminit.recommender.text_recipe import TextRecipe


@dataclass(frozen=True)
class StoredText:
    """The text embedding of an item that was added.

    Attributes:
        values: float32 of shape (D,); zeros for an item without text.
        recipe: What made it, see `recipe_of`.
    """

    values: FloatArray
    recipe: str


@dataclass(frozen=True)
class ItemsAdded:
    """Items that are new, or have new columns.

    Attributes:
        rows: `item_id` and columns, of each item once.
        texts: The text embeddings that are known, by the id as text.
    """

    rows: Sequence[Mapping[str, Any]]
    texts: Mapping[str, StoredText] = field(default_factory=dict)

    def applied(self, recommender: Recommender, encoder: Any = None) -> Recommender:
        """Return the recommender with these items.

        Raises:
            LLMInitError: They cannot be added.
        """
        table = _table(self.rows)
        embeddings = None
        if self.texts:
            values = np.stack([self.texts[str(row["item_id"])].values for row in self.rows])
            embeddings = pl.DataFrame({"item_id": table["item_id"], "embedding": pl.Series(values)})
        return recommender.add_items(table, embeddings=embeddings, encoder=encoder)

    def merged(self, later: "ItemsAdded") -> "ItemsAdded":
        """Return both as one; what comes later counts."""
        by_id = {str(row["item_id"]): row for row in (*self.rows, *later.rows)}
        return ItemsAdded(list(by_id.values()), {**self.texts, **later.texts})


@dataclass(frozen=True)
class ItemsRemoved:
    """Items that are never recommended again.

    Attributes:
        item_ids: Their ids.
    """

    item_ids: Sequence[Any]

    def applied(self, recommender: Recommender, encoder: Any = None) -> Recommender:  # noqa: ARG002 - no text here
        """Return the recommender without these items.

        Raises:
            LLMInitError: One is not known.
        """
        return recommender.remove_items(list(self.item_ids))

    def merged(self, later: "ItemsRemoved") -> "ItemsRemoved":
        """Return both as one."""
        return ItemsRemoved([*self.item_ids, *later.item_ids])


@dataclass(frozen=True)
class InteractionsAdded:
    """That users have items.

    Attributes:
        rows: `user_id`, `item_id`, `rating` or None, `timestamp` or None.
    """

    rows: Sequence[Mapping[str, Any]]

    def applied(self, recommender: Recommender, encoder: Any = None) -> Recommender:  # noqa: ARG002 - no text here
        """Return the recommender that knows these interactions.

        Raises:
            LLMInitError: An item is not known, or an id cannot be one.
        """
        ids = {name: pl.Series(name, [str(row[name]) for row in self.rows]) for name in ("user_id", "item_id")}
        table = pl.DataFrame(ids)
        ratings = [row.get("rating") for row in self.rows]
        if any(rating is not None for rating in ratings):
            table = table.with_columns(pl.Series("rating", ratings, dtype=pl.Float64))
        return recommender.add_interactions(table)

    def merged(self, later: "InteractionsAdded") -> "InteractionsAdded":
        """Return both as one."""
        return InteractionsAdded([*self.rows, *later.rows])


@dataclass(frozen=True)
class ExposureSet:
    """How much items that were added are shown.

    Attributes:
        exposure: The dial.
    """

    exposure: float

    def applied(self, recommender: Recommender, encoder: Any = None) -> Recommender:  # noqa: ARG002 - no text here
        """Return the recommender with the dial moved.

        Raises:
            LLMInitError: It has no dial.
        """
        return recommender.with_exposure(self.exposure)

    def merged(self, later: "ExposureSet") -> "ExposureSet":
        """Return the later one."""
        return later


Change = ItemsAdded | ItemsRemoved | InteractionsAdded | ExposureSet


def recipe_of(text: TextRecipe | None) -> str:
    """Return what says whether two text embeddings are of the same encoder and template."""
    return "" if text is None else repr((text.encoder, sorted(text.identity.items()), text.template))


def _table(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {name: [] for row in rows for name in row}
    for name, values in columns.items():
        values.extend(row.get(name) for row in rows)
    try:
        ids = [str(value) for value in columns.pop("item_id")]
        return pl.DataFrame({"item_id": ids, **{name: pl.Series(name, values) for name, values in columns.items()}})
    except (PolarsError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"the items' columns cannot stand in a table ({error}); expected one kind of value in a column: text, "
            "numbers, or lists of them; write them in the same way in all items"
        ) from error

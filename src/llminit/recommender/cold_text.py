"""The texts of items that come later, and of people's wishes: the way that the fitted items' texts went."""

from typing import Any

import numpy as np
import polars as pl

from llminit.arrays import FloatArray
from llminit.errors import ConfigError, DataError, EmbeddingError, shown
from llminit.progress import SILENT, Reporter
from llminit.recommender.text_recipe import TextRecipe
from llminit.text import Encoder, encode_texts, open_encoder, read_embeddings, render_texts
from llminit.text.template import columns_of

LONGEST_TEXT = 20_000
"""Characters of a text that are read; encoders read the first few hundred words."""


def item_texts(
    table: pl.DataFrame,
    recipe: TextRecipe,
    width: int,
    *,
    embeddings: Any = None,
    encoder: Encoder | None = None,
    reporter: Reporter = SILENT,
) -> FloatArray:
    """Return the text embeddings of items, float32 of shape (n, D), a row of zeros for an item without text.

    Args:
        table: One row an item, `item_id` and the columns of the recipe's template.
        recipe: How the texts of the fitted items became embeddings.
        width: D, the width of their embeddings.
        embeddings: Text embeddings to take instead; of the same encoder.
        encoder: The recipe's encoder, opened; None opens it.
        reporter: Receives progress, and notes about columns that are not there.

    Raises:
        ConfigError: The encoder is another one, or there is nothing to make embeddings from.
        DataError: The table has none of the template's columns.
        EmbeddingError: The embeddings cannot be used, or are of another width.
        MissingExtraError: The encoder is not installed.
    """
    if embeddings is not None:
        given = read_embeddings(embeddings).aligned_to(table["item_id"])
        _check_width(given.width, width)
        return given.values
    texts = _rendered(table, recipe, reporter)
    rows = np.zeros((len(texts), width), dtype=np.float32)
    with_text = [row for row, text in enumerate(texts) if text is not None]
    if with_text:
        opened = opened_for(recipe, encoder)
        values = encode_texts([texts[row] or "" for row in with_text], opened, reporter=reporter)
        _check_width(values.shape[1], width)
        rows[with_text] = values
    return rows


def query_text(text: Any, recipe: TextRecipe, width: int, encoder: Encoder | None = None) -> FloatArray:
    """Return the text embedding of a person's wish, float32 of shape (1, D).

    Raises:
        ConfigError: The text is empty or no text, or the encoder is another one.
        MissingExtraError: The encoder is not installed.
    """
    if not isinstance(text, str) or not text.strip():
        raise ConfigError(f"text={shown(text)} cannot be used; expected some words, such as 'red shoes for rain'")
    # Lone surrogates, which no encoder takes, become question marks.
    plain = " ".join(text[:LONGEST_TEXT].encode(errors="replace").decode().split())
    values = encode_texts([plain], opened_for(recipe, encoder))
    _check_width(values.shape[1], width)
    return values


def opened_for(recipe: TextRecipe, encoder: Encoder | None) -> Encoder:
    """Return the recipe's encoder, after checking that it is the one that made the fitted items' embeddings.

    Raises:
        ConfigError: It is another one, or the recommender was fitted to embeddings whose encoder is not known.
        MissingExtraError: It is not installed.
    """
    if encoder is None:
        if recipe.encoder is None:
            raise ConfigError(
                "this recommender was fitted to text embeddings that were given, so it does not know their encoder, "
                "expected embeddings; give embeddings of the new texts, or the encoder that made the others"
            )
        encoder = _opened(recipe.encoder, recipe.encoder_options)
    if recipe.identity:
        recipe.check_identity(dict(encoder.identity()))
    return encoder


def _opened(spec: str, options: dict[str, Any]) -> Encoder:
    try:
        return open_encoder(spec, **options)
    except ConfigError as error:
        raise ConfigError(
            f"the encoder that this recommender was fitted with cannot be opened here: {error}; or give the encoder, "
            "opened, or embeddings"
        ) from error


def _rendered(table: pl.DataFrame, recipe: TextRecipe, reporter: Reporter) -> list[str | None]:
    if recipe.template is None:
        raise ConfigError(
            "this recommender was fitted to text embeddings that were given, so it does not know how an item's text is "
            "written, expected embeddings; give embeddings of the new items"
        )
    wanted = columns_of(recipe.template)
    absent = [name for name in wanted if name not in table.columns]
    if len(absent) == len(wanted):
        raise DataError(
            f"the new items have none of the columns of the text, {', '.join(map(repr, wanted))}; found: "
            f"{', '.join(table.columns)}; give at least one of them, or embeddings"
        )
    if absent:
        reporter.note(f"the new items have no column {', '.join(map(repr, absent))}: their texts are without")
        table = table.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)
    return render_texts(table, recipe.template)


def _check_width(found: int, expected: int) -> None:
    if found != expected:
        raise EmbeddingError(
            f"the text embeddings of the new items have {found} dimensions, those of the fitted ones {expected}, "
            "expected the same; encode the new items with the encoder of the others"
        )

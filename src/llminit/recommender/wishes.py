"""What a person asks for in words: the text takes the way of a cold item, and the items near it are the answer."""

from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from llminit.models.serving import DotProduct
from llminit.recommender.choice import Candidates
from llminit.recommender.cold_text import query_text
from llminit.recommender.editing import foldable
from llminit.recommender.folding import text_scores
from llminit.recommender.lookup import checked_dial, counts_of
from llminit.recommender.ranking import best_lists
from llminit.recommender.state import State


def list_for_text(
    recommender: State, text: Any, k: int, chosen: Candidates, *, encoder: Any, diversity: float
) -> pl.DataFrame:
    """Return the items nearest to a text; see `Recommender.recommend_for_text`."""
    fold_in, recipe = foldable(recommender)
    dial, counts = checked_dial(diversity, "diversity"), counts_of(k, 1)
    embedding = query_text(text, recipe, fold_in.text_width, encoder)
    folded = recommender.folded_texts
    folded = np.zeros((0, fold_in.text_width), dtype=np.float32) if folded is None else folded
    scores = text_scores(recommender.model, fold_in, recipe.selection, embedding, folded, recommender.part_directions)
    # One user, whose products with the items are the scores.
    model = DotProduct(np.ones((1, 1), dtype=np.float32), scores.T)
    nothing = csr_array((1, len(recommender.items)), dtype=np.float32)
    directions = recommender.directions if dial else None
    one = np.zeros(1, dtype=np.int64)
    found = best_lists(model, nothing, one, counts, chosen, diversity=dial, directions=directions)
    return recommender.ranked(*found)

"""What a person asks for in words: the text takes the way of a cold item, and the items near it are the answer."""

from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from llminit.recommender.choice import Candidates
from llminit.recommender.cold_text import query_text
from llminit.recommender.editing import foldable
from llminit.recommender.folding import leaves
from llminit.recommender.lookup import checked_dial, counts_of
from llminit.recommender.ranking import best_lists
from llminit.recommender.state import State
from llminit.models.serving import DotProduct


def list_for_text(
    recommender: State, text: Any, k: int, chosen: Candidates, *, encoder: Any, diversity: float
) -> pl.DataFrame:
    """Return the items nearest to a text; see `Recommender.recommend_for_text`."""
    fold_in, recipe = foldable(recommender)
    dial, counts = checked_dial(diversity, "diversity"), counts_of(k, 1)
    starts = recipe.selection.apply(query_text(text, recipe, fold_in.text_width, encoder))
    index, part = next(
        (index, part) for index, part in enumerate(leaves(recommender.model)) if isinstance(part, DotProduct)
    )
    item_map = fold_in.items[index]
    query = item_map.with_exposure(1.0).vectors(starts)
    query /= max(float(np.linalg.norm(query)), 1e-12)
    model = DotProduct(query, recommender.directions)
    nothing = csr_array((1, len(recommender.items)), dtype=np.float32)
    found = best_lists(
        model, nothing, np.zeros(1, dtype=np.int64), counts, chosen, diversity=dial, directions=recommender.directions
    )
    return recommender.ranked(*found)

"""Selectors: from wide text embeddings (n_items, D) to item embeddings (n_items, d).

The paper's selectors (arXiv 2503.01814) choose d of the D columns: random, uniform, variance. The others are linear
maps: pca, whiten, prefix, projection. Each is one function of a `SelectorInput` and keyword options, registered with
`SELECTORS.register`, and returns a `Selection`: a map that is fitted once and applies to any text embedding of the same
encoder, also to those of later items.
"""

from llminit.selectors.fit import fit_selector
from llminit.selectors.registry import SELECTORS
from llminit.selectors.selection import FULL, Selection, SelectorInput

__all__ = ["FULL", "SELECTORS", "Selection", "SelectorInput", "fit_selector"]

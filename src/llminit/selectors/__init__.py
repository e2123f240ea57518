"""Selectors: from wide text embeddings (n_items, D) to item embeddings (n_items, d).

The paper's selectors (arXiv 2503.01814) choose d of the D columns: random, uniform, variance; so do prefix and
laplacian-score. The others are linear maps: pca, whiten, projection, rec-pca, propagated-whiten and canonical. Each
is one function of a `SelectorInput` and keyword options, registered with `SELECTORS.register`, and returns a
`Selection`: a map that is fitted once and applies to any text embedding of the same encoder, also to those of later
items. Selectors compose: "center|pca:96+svd:32".
"""

from llminit.selectors.fit import check_selection, fit_selector, needed_width
from llminit.selectors.graph import graph_spectrum
from llminit.selectors.registry import SELECTORS
from llminit.selectors.selection import FULL, Selection, SelectorInput, row_norm

__all__ = [
    "FULL",
    "SELECTORS",
    "Selection",
    "SelectorInput",
    "check_selection",
    "fit_selector",
    "graph_spectrum",
    "needed_width",
    "row_norm",
]

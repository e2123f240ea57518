"""The bipartite user-item graph and the propagation of embeddings over it."""

from llminit.graph.adjacency import Adjacency, normalized_adjacency
from llminit.graph.propagate import gather, propagate, propagate_weighted
from llminit.graph.rows import RowGradient
from llminit.graph.views import AUGMENTATIONS, make_view

__all__ = [
    "AUGMENTATIONS",
    "Adjacency",
    "RowGradient",
    "gather",
    "make_view",
    "normalized_adjacency",
    "propagate",
    "propagate_weighted",
]

"""Analysis of embeddings: collapse, the directions of the rows, and a map of the items.

Everything here takes arrays and needs numpy alone.
"""

from llminit.analysis.collapse import effective_rank, information_abundance, spectrum
from llminit.analysis.geometry import alignment, anisotropy, describe, uniformity
from llminit.analysis.maps import item_map

__all__ = [
    "alignment",
    "anisotropy",
    "describe",
    "effective_rank",
    "information_abundance",
    "item_map",
    "spectrum",
    "uniformity",
]

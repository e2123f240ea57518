"""Tables in, coded interactions out: reading, filtering, vocabularies and splits."""

from llminit.data.batches import ItemBatches, open_items
from llminit.data.dataset import Dataset, Interactions, make_dataset, to_csr
from llminit.data.filter import apply_filters, k_core_mask
from llminit.data.holdout import HeldOut
from llminit.data.read import read_interactions, read_items, read_table
from llminit.data.sources import SourceInfo, get_source, list_sources
from llminit.data.split import Split, split_interactions
from llminit.data.vocabulary import Vocabulary

__all__ = [
    "Dataset",
    "HeldOut",
    "Interactions",
    "ItemBatches",
    "SourceInfo",
    "Split",
    "Vocabulary",
    "apply_filters",
    "get_source",
    "k_core_mask",
    "list_sources",
    "make_dataset",
    "open_items",
    "read_interactions",
    "read_items",
    "read_table",
    "split_interactions",
    "to_csr",
]

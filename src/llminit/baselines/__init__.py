"""Baselines: models without a gradient that every gain should be compared with."""

from llminit.baselines.base import Baseline, FittedBaseline, LinearItemModel
from llminit.baselines.ease import EASE
from llminit.baselines.edlae import EDLAE
from llminit.baselines.gf_cf import GFCF
from llminit.baselines.item_knn import ItemKNN
from llminit.baselines.popularity import Popularity
from llminit.baselines.registry import BASELINES, baseline_class, make_baseline
from llminit.baselines.rp3beta import RP3Beta
from llminit.baselines.text_only import TextOnly
from llminit.baselines.tuning import Trial, Tuned, tune

__all__ = [
    "BASELINES",
    "EASE",
    "EDLAE",
    "GFCF",
    "Baseline",
    "FittedBaseline",
    "ItemKNN",
    "LinearItemModel",
    "Popularity",
    "RP3Beta",
    "TextOnly",
    "Trial",
    "Tuned",
    "baseline_class",
    "make_baseline",
    "tune",
]

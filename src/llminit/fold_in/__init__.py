"""Fold-in: vectors of cold items from their text, and of cold users from their history, without training again."""

from llminit.fold_in.choose import DEFAULT_EXPOSURE, choose_item_map
from llminit.fold_in.column_map import ColumnMap, fit_column_map, widened
from llminit.fold_in.history_map import HistoryMap
from llminit.fold_in.item_map import ItemMap, Shape, fit_item_map
from llminit.fold_in.pretended import WarmModel
from llminit.fold_in.user_map import UserMap, fit_linear_user_map, fit_user_map

__all__ = [
    "DEFAULT_EXPOSURE",
    "ColumnMap",
    "HistoryMap",
    "ItemMap",
    "Shape",
    "UserMap",
    "WarmModel",
    "choose_item_map",
    "fit_column_map",
    "fit_item_map",
    "fit_linear_user_map",
    "fit_user_map",
    "widened",
]

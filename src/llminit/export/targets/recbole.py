"""RecBole: atomic files, and a script that starts RecBole's LightGCN from the embeddings."""

import shutil
from pathlib import Path
from typing import ClassVar

import polars as pl

from llminit.arrays import FloatArray
from llminit.errors import ConfigError, listed
from llminit.export.content import DOT, Content
from llminit.export.tables import as_text, joined
from llminit.export.target import TARGETS, Target

_RECIPE = Path(__file__).parents[1] / "recipes" / "start_lightgcn.py"

_MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null", "[PAD]"),
)
"""What pandas, with which RecBole reads, takes for no value, and RecBole's own padding."""

_CONFIG = """\
# What start_lightgcn.py tells RecBole; more options: its documentation.
load_col:
  inter: [user_id, item_id]
  useremb: [uid, user_embedding]
  itememb: [iid, item_embedding]
additional_feat_suffix: [useremb, itememb]
alias_of_user_id: [uid]
alias_of_item_id: [iid]
preload_weight: {{uid: user_embedding, iid: item_embedding}}
embedding_size: {width}
start_users: mean
start_items: exported
n_layers: 2
reg_weight: 1.0e-05
train_batch_size: 2048
eval_args: {{split: {{LS: valid_and_test}}, group_by: user, order: RO, mode: full}}
topk: [10, 20]
valid_metric: NDCG@10
metrics: [Recall, NDCG]
"""


@TARGETS.register
class RecBole(Target):
    """The data set `llminit` as atomic files, `lightgcn.yaml` and `start_lightgcn.py`, which RecBole's Python runs."""

    name: ClassVar[str] = "recbole"
    forms: ClassVar[tuple[str, ...]] = (DOT,)
    is_searched: ClassVar[bool] = False

    def write(self, content: Content, folder: Path) -> None:
        """Write what users have, both tables of embeddings, the configuration and the script."""
        users, items = (_tokens(ids) for ids in (content.user_ids, content.item_ids))
        data = folder / "llminit"
        data.mkdir()
        user_codes, item_codes = content.seen.nonzero()
        seen = {"user_id:token": users.gather(user_codes), "item_id:token": items.gather(item_codes)}
        _write(data / "llminit.inter", seen)
        _write(data / "llminit.useremb", _embeddings("uid", "user", users, content.users))
        _write(data / "llminit.itememb", _embeddings("iid", "item", items, content.items))
        (folder / "lightgcn.yaml").write_text(_CONFIG.format(width=content.width), encoding="utf-8")
        shutil.copyfile(_RECIPE, folder / _RECIPE.name)

    def notes(self, content: Content) -> list[str]:
        """Warn where RecBole would test on interactions that have made the embeddings."""
        if content.is_trained is False:
            return []
        note = (
            "these embeddings were trained on the interactions that RecBole will split and test on, so its metrics "
            "will flatter them. For an honest comparison, export initial embeddings: a fit with backbone='mf', epochs=0"
        )
        return [note]


def _embeddings(field: str, kind: str, tokens: pl.Series, rows: FloatArray) -> dict[str, pl.Series]:
    return {f"{field}:token": tokens, f"{kind}_embedding:float_seq": joined(rows, " ")}


def _write(path: Path, columns: dict[str, pl.Series]) -> None:
    pl.DataFrame(columns).write_csv(path, separator="\t", quote_style="never")


def _tokens(ids: pl.Series) -> pl.Series:
    """Return ids as RecBole reads them back.

    Raises:
        ConfigError: Some would come back changed.
    """
    texts = as_text(ids)
    changed = texts.filter(texts.is_in(_MISSING) | texts.str.contains(r'[\t\r\n]|^"'))
    if len(changed):
        raise ConfigError(
            f"{len(changed)} ids of the column {ids.name!r} cannot be written for RecBole, such as "
            f"{listed(changed[:1])}: it would read them as missing, or as more than one; rename them and fit again"
        )
    return texts

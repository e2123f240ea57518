"""(n) Cold items: what they gain and what they cost, for each map of them and for other ways to rank them.

A share of the items of a data set is held out of training, each seed other ones, and ranked in the whole catalogue by
their text. The dial multiplies the scores of cold items. A way's warm loss is the relative loss of its own recall@10 of
the warm test interactions, with cold items in the catalogue against without; what it gains is the recall@10 of the cold
interactions, a mean over their users. Finished runs are kept and not run again.

    python benchmarks/cold.py --json benchmarks/results/cold.json
    python benchmarks/cold.py --data amazon-toys --split time --side fast --json benchmarks/results/cold_time.json
"""

import argparse
import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array, hstack

import cold_curve
import cold_plot
import common
import feature_sums
import presets
from llminit.arrays import FloatArray
from llminit.config import FitConfig
from llminit.data import Dataset, HeldOut, split_interactions, to_csr
from llminit.fold_in import ItemMap, Shape, fit_column_map, fit_item_map
from llminit.models import BASELINES
from llminit.models.serving import DotProduct, ItemModel
from llminit.models.text_rows import centre_of, unit_rows
from llminit.pipeline.cold_split import ColdSplit, split_cold
from llminit.pipeline.fold_in import fitted_maps
from llminit.pipeline.learn import fit_baseline, learn
from llminit.pipeline.presets import PRESETS, WIDE_SOFTMAX, fitted_to_data, with_preset
from llminit.text import TextEmbeddings

LOSSES = (0.01, 0.02, 0.04, 0.06)
AT = 0.02
"""The loss at which it is said how many places cold items take."""
WHICH = {"random": "at random", "time": "those that appeared last"}
MODELS: dict[str, dict[str, Any]] = {"fast": PRESETS["fast"], "wide": WIDE_SOFTMAX}
"""The model of the preset `fast`, and the one of 512 dimensions that `max` mixes with L3AE."""
SHAPES = {
    "start": Shape("start"),
    "ridge": Shape("ridge"),
    "nearest 8 starts": Shape("nearest", 8),
    "nearest 5 texts": Shape("nearest", 5, by_text=True),
    "nearest 10 texts": Shape("nearest", 10, by_text=True),
}


def main() -> None:
    """Run what is missing; print a table of means and write the rows and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="amazon-beauty")
    sides = ["others", *MODELS]
    parser.add_argument("--side", nargs="+", choices=sides, default=sides, help="our models, or the other ways")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.1, help="of the items that are held out")
    parser.add_argument("--split", choices=["random", "time"], default="random", help="random items, or the last ones")
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    cold = {"cold_share": options.share, "cold_split": options.split}
    setting = f"{options.share:.0%} of the items held out, {WHICH[options.split]}"
    done = _read(options.json, setting)
    dataset, text = presets.load(options.data)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for side in options.side:
            if not any((row["data"], row["side"], row["seed"]) == (options.data, side, seed) for row in done):
                common.say(f"{options.data} {side} {seed}")
                done.append(run(dataset, text, options.data, side, seed, cold))
                _write(options.json, done, setting)
    rows = summary(done)
    for row in rows:
        print(row["shown"])
    if options.json is not None:
        options.json.with_suffix(".svg").write_text(cold_plot.draw(rows), encoding="utf-8")


def run(
    dataset: Dataset, text: TextEmbeddings, data: str, side: str, seed: int, cold: dict[str, Any]
) -> dict[str, Any]:
    """Hold items out, learn from the rest, and measure one model's maps, or the other ways."""
    config = presets.asked(data, seed=seed, **cold)
    split = split_cold(dataset, config)
    warm_text = split.warm_text(text)
    filled = with_preset(config).model_copy(update=MODELS.get(side, {}))
    chosen = fitted_to_data(config, filled, split.warm, warm_text)
    held_out = HeldOut(split.warm, split_interactions(split.warm, chosen.splitting, seed))
    setting = Setting(held_out, split, warm_text, text.values[~split.is_warm])
    ways = dict(others(setting, dataset, config) if side == "others" else maps_of_model(setting, chosen))
    thin = {name: cold_curve.thinned(curve) for name, curve in ways.items()}
    return {"data": data, "side": side, "seed": seed, "ways": thin}


@dataclass(frozen=True, eq=False)
class Setting:
    """One split, and the text embeddings of its warm and its cold items."""

    held_out: HeldOut
    split: ColdSplit
    text: TextEmbeddings
    cold_text: FloatArray

    @property
    def cold(self) -> csr_array:
        """The interactions with cold items of users who have a training item."""
        matrix = to_csr(self.split.of_items, self.held_out.dataset.n_users, self.split.n_cold_items).tolil()
        matrix[np.flatnonzero(np.diff(self.held_out.train.indptr) == 0)] = 0
        return csr_array(matrix.tocsr())

    def measured(self, warm: FloatArray, cold: FloatArray) -> dict[str, Any]:
        """Return the curve of scores, float32 of shapes (n_users, n_warm) and (n_users, n_cold)."""
        return cold_curve.measured(warm, cold, self.held_out.test, self.held_out.seen_at_test, self.cold)


def maps_of_model(setting: Setting, config: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    """Train a model on warm items, and measure each map, and the one that validation chooses."""
    held_out, text = setting.held_out, setting.text
    learned = learn(held_out, text, config)
    model = learned.model
    assert isinstance(model, DotProduct)
    assert learned.selection is not None
    starts, cold = learned.selection.apply(text.values), learned.selection.apply(setting.cold_text)
    warm = model.users @ model.items.T
    degrees = np.bincount(held_out.train.indices, minlength=len(starts))
    for name, shape in SHAPES.items():
        item_map = fit_item_map(shape, starts, model.items, degrees, 1.0, text.values)
        yield name, setting.measured(warm, model.users @ item_map.vectors(cold, setting.cold_text).T)
    chosen = fitted_maps(learned, held_out, text, config).items[0]
    assert isinstance(chosen, ItemMap)
    curve = setting.measured(warm, model.users @ chosen.with_exposure(1.0).vectors(cold, setting.cold_text).T)
    curve["document"] = chosen.document()
    curve["saved"] = setting.measured(warm, model.users @ chosen.vectors(cold, setting.cold_text).T)["natural"]
    yield "chosen", curve


def others(setting: Setting, dataset: Dataset, config: FitConfig) -> Iterable[tuple[str, dict[str, Any]]]:
    """Measure what others would do."""
    held_out, text = setting.held_out, setting.text
    train = held_out.train
    users = np.arange(train.shape[0])
    centre = centre_of(text.values)
    warm_units, cold_units = (unit_rows(rows - centre) for rows in (text.values, setting.cold_text))
    profiles = np.asarray(train @ warm_units, dtype=np.float32)
    yield "text alone", setting.measured(profiles @ warm_units.T, profiles @ cold_units.T)
    nearest = csr_array(train @ np.maximum(warm_units @ warm_units.T, 0) ** 4)
    likeness = np.maximum(warm_units @ cold_units.T, 0) ** 4
    yield "text kNN", setting.measured(_dense(nearest), np.asarray(train @ likeness, dtype=np.float32))
    popularity = np.bincount(train.indices, minlength=train.shape[1]).astype(np.float32)
    by_category = category_popularity(setting, dataset, popularity)
    ones = np.ones((len(users), 1), dtype=np.float32)
    yield "popularity in category", setting.measured(ones * popularity, ones * by_category)
    yield "feature sums", setting.measured(*sums_of_features(setting, dataset, config.seed))
    fitted, _ = fit_baseline("l3ae", held_out, text, config, {})
    model = fitted.serving()
    assert isinstance(model, ItemModel)
    column_map = fit_column_map(model, text.values, popularity.astype(np.int64), 1.0, getattr(fitted, "cold", None))
    both = column_map.extended(model, setting.cold_text).scores(users, _widened(train, setting.split.n_cold_items))
    yield "L3AE, closed form", setting.measured(*np.split(both, [train.shape[1]], axis=1))
    yield "iALS with text", setting.measured(*ials(setting, config))


def ials(setting: Setting, config: FitConfig) -> tuple[FloatArray, FloatArray]:
    """Return the scores of iALS whose items are drawn to their text; a cold one is an item that nobody has."""
    wide = _widened(setting.held_out.train, setting.split.n_cold_items)
    _, options = fit_baseline("ials", setting.held_out, setting.text, config, {})
    fitted = BASELINES["ials"].make(**options).fit(wide, np.concatenate([setting.text.values, setting.cold_text]))
    both = fitted.scores(np.arange(wide.shape[0]))
    warm, cold = np.split(both, [setting.held_out.train.shape[1]], axis=1)
    return warm, cold


def sums_of_features(setting: Setting, dataset: Dataset, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return the scores of items that are sums of their words, brand and categories, as LightFM has them."""
    assert dataset.item_table is not None
    features, is_warm = feature_sums.features_of(dataset.item_table), setting.split.is_warm
    return feature_sums.fitted(setting.held_out, features[is_warm], features[~is_warm], seed)


def category_popularity(setting: Setting, dataset: Dataset, popularity: FloatArray) -> FloatArray:
    """Return the mean popularity of the warm items of each cold item's category, float32 of shape (n_cold,)."""
    table = dataset.item_table
    assert table is not None
    categories = table["categories"].to_frame().select(pl.all().cast(pl.String).fill_null("")).to_series().to_numpy()
    of_warm, of_cold = categories[setting.split.is_warm], categories[~setting.split.is_warm]
    means = {category: float(popularity[of_warm == category].mean()) for category in np.unique(of_warm)}
    return np.array([means.get(category, float(popularity.mean())) for category in of_cold], dtype=np.float32)


def summary(done: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean curve of each way over its seeds, with its recall at some losses."""
    rows = []
    keys = dict.fromkeys((run["data"], run["side"], name) for run in done for name in run["ways"])
    for data, side, name in keys:
        curves = [run["ways"][name] for run in done if (run["data"], run["side"]) == (data, side)]
        at = {loss: [cold_curve.recall_at(curve, loss) for curve in curves] for loss in LOSSES}
        warm, among = (statistics.mean(curve[key] for curve in curves) for key in ("warm", "among_cold"))
        means = "  ".join(
            f"{loss:.0%} {statistics.mean(values):.4f} ± {statistics.stdev(values) if len(values) > 1 else 0:.4f}"
            for loss, values in at.items()
        )
        words = f"{data} {side:7}{name:24} warm {warm:.4f}  among cold {among:.4f}  {means}  ({len(curves)} seeds)"
        row = {"data": data, "side": side, "name": name, "shown": words, "warm": warm, "among_cold": among}
        row["at"] = {str(loss): statistics.mean(values) for loss, values in at.items()}
        row["sd"] = {str(loss): statistics.stdev(values) if len(values) > 1 else 0.0 for loss, values in at.items()}
        for shown in ("share_of_lists", "most_shown"):
            row[shown] = statistics.mean(cold_curve.value_at(curve, shown, AT) for curve in curves)
        rows.append(row | {"n_seeds": len(curves)})
        rows[-1]["curve"] = [
            (loss, statistics.mean(cold_curve.recall_at(curve, loss) for curve in curves))
            for loss in cold_curve.GRID.tolist()
        ]
    return rows


def _widened(matrix: csr_array, n_more: int) -> csr_array:
    return csr_array(hstack([matrix, csr_array((matrix.shape[0], n_more), dtype=np.float32)], format="csr"))


def _dense(matrix: Any) -> FloatArray:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float32)


def _read(path: Path | None, setting: str) -> list[dict[str, Any]]:
    if path is None or not path.exists():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["setting"] != setting:
        raise SystemExit(f"{path} has {content['setting']!r}, expected {setting!r}; name another file")
    runs: list[dict[str, Any]] = content["runs"]
    return runs


def _write(path: Path | None, done: list[dict[str, Any]], setting: str) -> None:
    content = {"benchmark": "cold", "setting": setting, "machine": common.machine()}
    rows = [{key: value for key, value in row.items() if key != "shown"} for row in summary(done)]
    common.write_json(path, content | {"rows": rows, "runs": done}, indent=None)


if __name__ == "__main__":
    main()

"""(q) What two tables lose that are distilled from the preset max: under `standard`, known users and as new ones.

A new user is made of the training history alone, by the maps that are saved with a recommender. Seconds are those of
the distillation, with the threads that are used by default.

    python benchmarks/distillation.py --json benchmarks/results/distillation.json
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

import common
import presets
from llminit.config import FitConfig
from llminit.data import HeldOut, split_interactions
from llminit.evaluation import Scorer
from llminit.models.mixture import Mixture
from llminit.models.serving import ServingModel
from llminit.pipeline.distill import distilled_from
from llminit.pipeline.fold_in import fitted_maps
from llminit.pipeline.learn import learn
from llminit.pipeline.learned import Learned
from llminit.pipeline.presets import fitted_to_data, with_preset
from llminit.pipeline.yardsticks import measured
from llminit.progress import SILENT
from llminit.recommender import FoldIn
from llminit.recommender.folding import for_histories
from llminit.text import TextEmbeddings


def main() -> None:
    """Fit the preset max, distil it; print and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["amazon-beauty", "amazon-toys"])
    parser.add_argument("--width", nargs="+", type=int, default=[128, 256, 512])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for data in options.data:
        for row in run(data, options.width, options.seed):
            common.say(str(row))
            rows.append({"data": data, **row})
    setting = f"Seed {options.seed}"
    common.write_json(
        options.json, {"benchmark": "distillation", "setting": setting, "machine": common.machine(), "rows": rows}
    )


def run(data: str, widths: list[int], seed: int) -> list[dict[str, Any]]:
    """Return a row of the mixture, of each of its parts and of each width."""
    dataset, text = presets.load(data)
    config = presets.asked(data, preset="max", seed=seed)
    chosen = fitted_to_data(config, with_preset(config), dataset, text)
    held_out = HeldOut(dataset, split_interactions(dataset, chosen.splitting, seed))
    mixture = learn(held_out, text, chosen)
    if not isinstance(mixture.model, Mixture):
        raise TypeError(f"the preset max gave a model of the form {mixture.model.form}, expected a mixture")
    maps = fitted_maps(mixture, held_out, text, chosen)
    rows = [{"what": "mixture", "seconds": None, **measures(mixture.model, maps, held_out)}]
    for index, name in enumerate(mixture.options["parts"]):
        own = replace(maps, items=(maps.items[index],), users=(maps.users[index],))
        rows.append({"what": name, "seconds": None, **measures(mixture.model.models[index], own, held_out)})
    return rows + [distilled_row(mixture, held_out, text, chosen, width) for width in widths]


def distilled_row(
    mixture: Learned, held_out: HeldOut, text: TextEmbeddings, config: FitConfig, width: int
) -> dict[str, Any]:
    """Distil the mixture and measure the tables."""
    tables = distilled_from(mixture, held_out, config, width, SILENT)
    row = {"what": f"d={width}", "seconds": tables.seconds - mixture.seconds, "distilled": tables.distilled}
    return row | measures(tables.model, fitted_maps(tables, held_out, text, config), held_out)


def measures(model: ServingModel, maps: FoldIn, held_out: HeldOut) -> dict[str, float]:
    """Return both metrics of the users that the model knows, and of the same ones made of their histories."""
    as_new = for_histories(model, maps, held_out.train, lambda _: np.zeros(1, dtype=np.float32))
    result: dict[str, float] = {}
    for which, served in (("", model), ("new ", as_new)):
        metrics = measured(scorer_of(served, held_out.train), held_out).metrics["standard"]
        result |= {f"{which}{name}": metrics[name] for name in presets.METRICS}
    return result


def scorer_of(model: ServingModel, histories: csr_array) -> Scorer:
    """Return what measures a model that serves."""
    return lambda users: model.scores(users, histories[users])


if __name__ == "__main__":
    main()

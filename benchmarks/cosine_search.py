"""(n) What a search by cosine loses: how many of a user's ten best items it keeps, and recall@10 under `standard`.

python benchmarks/cosine_search.py --json benchmarks/results/cosine_search.json
"""

import argparse
from pathlib import Path
from typing import Any

import common
import presets
from llminit.arrays import FloatArray
from llminit.data import HeldOut, split_interactions
from llminit.export.forms import cosine_form, kept_by_cosine
from llminit.models.serving import DotProduct
from llminit.models.text_rows import unit_rows
from llminit.pipeline.learn import learn
from llminit.pipeline.presets import fitted_to_data, with_preset
from llminit.pipeline.yardsticks import measured


def main() -> None:
    """Fit the presets that have embeddings, search them in three ways; print and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["amazon-beauty"])
    parser.add_argument("--preset", nargs="+", choices=["fast", "best"], default=["fast", "best"])
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    rows = [run(data, preset) for data in options.data for preset in options.preset]
    for row in rows:
        print(row)
    content = {"benchmark": "cosine_search", "setting": "One seed", "machine": common.machine(), "rows": rows}
    common.write_json(options.json, content)


def run(data: str, preset: str) -> dict[str, Any]:
    """Fit one preset and measure its embeddings by dot product, by cosine, and by cosine in the wider form."""
    dataset, text = presets.load(data)
    config = presets.asked(data, preset=preset)
    chosen = fitted_to_data(config, with_preset(config), dataset, text)
    held_out = HeldOut(dataset, split_interactions(dataset, chosen.splitting, 0))
    model = learn(held_out, text, chosen).model
    if not isinstance(model, DotProduct):
        raise TypeError(f"the preset {preset} gave a model of the form {model.form}, expected embeddings")
    users, items = model.users, model.items
    wide_users, wide_items, _ = cosine_form(users, items)
    return {
        "data": data,
        "preset": preset,
        "d": items.shape[1],
        "kept": kept_by_cosine(users, items, held_out.seen_at_test).share,
        "kept, cosine form": kept_by_cosine(wide_users, wide_items, held_out.seen_at_test).share,
        "dot": _recall(users, items, held_out),
        "cosine": _recall(users, unit_rows(items), held_out),
        "cosine form": _recall(wide_users, unit_rows(wide_items), held_out),
    }


def _recall(users: FloatArray, items: FloatArray, held_out: HeldOut) -> float:
    return measured(lambda some: users[some] @ items.T, held_out).metrics["standard"]["recall@10"]


if __name__ == "__main__":
    main()

"""(m) The presets over data sets and seeds: recall@10 and ndcg@10 under the standard protocol.

Each seed is a random leave-one-out split and a training run; the options of a preset never depend on the test. Seconds
are not reported, so that it may run beside other work: time_to_quality.py has them.

    python benchmarks/presets.py --json benchmarks/results/presets.json
    python benchmarks/presets.py --preset best max --windows --json benchmarks/results/presets_windows.json
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

import benchmark_data
import common
from llminit.config import FitConfig
from llminit.data import Dataset, HeldOut, split_interactions
from llminit.pipeline.inputs import load_dataset, text_source
from llminit.pipeline.learn import learn
from llminit.pipeline.presets import PRESETS, fitted_to_data, with_preset
from llminit.pipeline.yardsticks import measured
from llminit.text import TextEmbeddings

FILTERS: dict[str, dict[str, Any]] = {"amazon-video-games": {"k_core": 5}}
METRICS = ("recall@10", "ndcg@10")


def main() -> None:
    """Fit every preset on every data set and seed; print and write means and standard deviations."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["amazon-beauty", "amazon-toys"])
    parser.add_argument("--preset", nargs="+", choices=list(PRESETS), default=list(PRESETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--windows", action="store_true", help="mix L3AE that learns from the order of interactions")
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    named = {"backbone_options": {"parts": ["softmax", "l3ae-windows"]}} if options.windows else {}
    rows = []
    for data in options.data:
        dataset, text = load(data)
        for preset in options.preset:
            runs = [run(dataset, text, data, preset, seed, named) for seed in range(options.seeds)]
            rows.append({"data": data, "preset": preset, "runs": runs, **summary(runs)})
            print(f"{data:22}{preset:6}{rows[-1]['shown']}", flush=True)
            content = {"benchmark": "presets", "setting": f"{options.seeds} seeds", "machine": common.machine()}
            common.write_json(options.json, content | {"rows": rows})


def load(data: str) -> tuple[Dataset, TextEmbeddings]:
    """Return a data set and its text embeddings: those beside it, or else minilm's."""
    folder = benchmark_data.find_interactions(data)[1].parent
    dataset = load_dataset(folder / "interactions.parquet", folder / "items.parquet", asked(data))
    embeddings = folder / "embeddings-mpnet.parquet"
    return dataset, text_source(dataset, embeddings=embeddings if embeddings.exists() else None).embeddings


def asked(data: str, **options: Any) -> FitConfig:
    """Return the options that name the data's filters and the preset, and nothing else."""
    return FitConfig.make(**FILTERS.get(data, {"min_rating": 4, "k_core": 5}), **options)


def run(
    dataset: Dataset, text: TextEmbeddings, data: str, preset: str, seed: int, named: dict[str, Any]
) -> dict[str, Any]:
    """Fit one preset once, with more options that are named, and measure it on the test interactions."""
    config = asked(data, preset=preset, seed=seed, **named)
    chosen = fitted_to_data(config, with_preset(config), dataset, text)
    held_out = HeldOut(dataset, split_interactions(dataset, chosen.splitting, seed))
    model = learn(held_out, text, chosen)
    metrics = measured(model.scorer, held_out).metrics["standard"]
    row = {"seed": seed, "best_epoch": model.best_epoch, "options": model.options}
    common.say(f"{data} {preset} {seed}: {model.seconds:.1f} s, {[round(metrics[name], 4) for name in METRICS]}")
    return row | {name: metrics[name] for name in METRICS}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means and standard deviations."""
    values = {name: [row[name] for row in runs] for name in METRICS}
    means = {name: statistics.mean(own) for name, own in values.items()}
    spreads = {f"{name} sd": statistics.stdev(own) if len(own) > 1 else 0.0 for name, own in values.items()}
    shown = "  ".join(f"{name} {means[name]:.4f} ± {spreads[f'{name} sd']:.4f}" for name in METRICS)
    return {**means, **spreads, "shown": shown}


if __name__ == "__main__":
    main()

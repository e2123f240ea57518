"""(s) The losses of the backbone softmax: recall@10 and ndcg@10 under the standard protocol.

All else is the preset `fast`. The first seed tries a small grid of each loss's own options, around the temperature that
is best for the softmax; validation chooses, as it chooses the hops. Further seeds, which are other splits too, run what
was chosen. A run that the result file holds is not run again. Seconds are not reported, so that it may run beside other
work.

    python benchmarks/losses.py --json benchmarks/results/losses.json
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import common
from llminit.data import Dataset, HeldOut, split_interactions
from llminit.evaluation import mean_metric, ranks_under
from llminit.pipeline.learn import learn
from llminit.pipeline.presets import fitted_to_data, with_preset
from llminit.pipeline.yardsticks import measured
from llminit.text import TextEmbeddings
from presets import METRICS, asked, load

TEMPERATURES = (0.05, 0.1, 0.15, 0.2, 0.3)
Options = dict[str, Any]


def main() -> None:
    """Run every loss on every data set; print and write all runs and what was chosen."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["amazon-beauty", "ml-latest-small"])
    parser.add_argument("--losses", nargs="+", choices=[*grids(1.0)], default=[*grids(1.0)])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="OUT", required=True)
    options = parser.parse_args()
    runs = Runs(options.json)
    for data in options.data:
        dataset, text = load(data)
        best = runs.best("softmax", dataset, text, data, [{"temperature": value} for value in TEMPERATURES])
        for loss, grid in grids(best["temperature"]).items():
            if loss not in options.losses:
                continue
            chosen = runs.best(loss, dataset, text, data, grid)
            for seed in range(options.seeds):
                runs.row(loss, dataset, text, data, chosen, seed)
            runs.choose(data, loss, chosen, options.seeds)


def grids(t: float) -> dict[str, list[Options]]:
    """Return what is tried of each loss, t being the softmax's best temperature."""
    return {
        "softmax": [{"temperature": t}],
        "softmax, learned temperature": [{"learn_temperature": True, "temperature": t}],
        "softmax, anchor": [{"temperature": t, "anchor_weight": weight} for weight in (0.1, 0.3, 1.0, 3.0, 10.0)],
        "softmax, graph in training": [
            {"temperature": value, "n_layers": n_layers} for n_layers in (1, 2) for value in (t, round(t * 2 / 3, 3))
        ],
        "sl@k": [{"loss": "sl@k", "temperature": t, "weight_temperature": weight} for weight in (0.1, 0.3, 1.0, 2.25)],
        "bsl": [
            *({"loss": "bsl", "temperature": t, "positive_temperature": round(t * ratio, 4)} for ratio in (0.5, 2.0)),
            *({"loss": "bsl", "temperature": t, "negative_power": power} for power in (0.8, 1.1, 1.3)),
        ],
        "psl": [
            {"loss": "psl", "temperature": round(t * ratio, 4), "surrogate": surrogate}
            for surrogate in ("tanh", "atan", "relu")
            for ratio in (0.5, 0.75, 1.0)
        ],
        "directau": [{"loss": "directau", "gamma": gamma} for gamma in (0.2, 0.5, 1.0, 2.0, 5.0)],
    }


class Runs:
    """The runs of a result file, which grows with each new one.

    Args:
        path: The file; what it holds already is not run again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        held = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.runs: list[dict[str, Any]] = held.get("runs", [])
        self.rows: list[dict[str, Any]] = held.get("rows", [])

    def best(self, loss: str, dataset: Dataset, text: TextEmbeddings, data: str, grid: list[Options]) -> Options:
        """Return the options of a grid that are best on the first seed's validation interactions."""
        rows = [self.row(loss, dataset, text, data, options, 0) for options in grid]
        chosen: Options = max(rows, key=lambda row: float(row["valid"]))["options"]
        return chosen

    def row(
        self, loss: str, dataset: Dataset, text: TextEmbeddings, data: str, options: Options, seed: int
    ) -> dict[str, Any]:
        """Return a run's row: of the file, or else of a new run, which is written to it."""
        key = {"data": data, "seed": seed, "options": options}
        held = [row for row in self.runs if key.items() <= row.items()]
        if held:
            return held[0]
        row: dict[str, Any] = key | {"loss": loss} | run(dataset, text, data, options, seed)
        common.say(f"{data} {seed} {options}: valid {row['valid']:.4f}, {[round(row[name], 4) for name in METRICS]}")
        self.runs.append(row)
        self._write()
        return row

    def choose(self, data: str, loss: str, chosen: Options, seeds: int) -> None:
        """Write the means over the seeds of what was chosen of a loss, and of what it gains over the softmax."""
        own, plain = self._of(data, chosen, seeds), self._chosen_softmax(data, seeds)
        row: dict[str, Any] = {"data": data, "loss": loss, "options": chosen, "seeds": seeds}
        for name in ("valid", *METRICS):
            gains = [one[name] - other[name] for one, other in zip(own, plain, strict=True)]
            row |= {name: statistics.mean(one[name] for one in own), f"{name} gain": statistics.mean(gains)}
            row[f"{name} gain sd"] = statistics.stdev(gains) if seeds > 1 else 0.0
        row["epochs"] = statistics.mean(one["best_epoch"] for one in own)
        self.rows = [other for other in self.rows if (other["data"], other["loss"]) != (data, loss)] + [row]
        shown = "  ".join(f"{name} {row[name]:.4f} ({row[f'{name} gain']:+.4f})" for name in METRICS)
        print(f"{data:18}{loss:30}{shown}  {chosen}", flush=True)
        self._write()

    def _of(self, data: str, options: Options, seeds: int) -> list[dict[str, Any]]:
        keys = [{"data": data, "seed": seed, "options": options}.items() for seed in range(seeds)]
        return [row for key in keys for row in self.runs if key <= row.items()]

    def _chosen_softmax(self, data: str, seeds: int) -> list[dict[str, Any]]:
        plain = [row for row in self.runs if (row["data"], row["seed"], row["loss"]) == (data, 0, "softmax")]
        return self._of(data, max(plain, key=lambda row: float(row["valid"]))["options"], seeds)

    def _write(self) -> None:
        seeds = max((row["seeds"] for row in self.rows), default=1)
        content = {"benchmark": "losses", "setting": f"preset fast, d=128, {seeds} seeds", "machine": common.machine()}
        common.write_json(self.path, content | {"rows": self.rows, "runs": self.runs})


def run(dataset: Dataset, text: TextEmbeddings, data: str, options: Options, seed: int) -> dict[str, Any]:
    """Fit the preset with a loss once, and measure it on the validation and the test interactions."""
    config = asked(data, preset="fast", seed=seed, backbone_options=options)
    chosen = fitted_to_data(config, with_preset(config), dataset, text)
    held_out = HeldOut(dataset, split_interactions(dataset, chosen.splitting, seed))
    model = learn(held_out, text, chosen)
    valid = ranks_under("standard", model.scorer, held_out.valid, held_out.seen_at_valid)
    metrics = measured(model.scorer, held_out).metrics["standard"]
    row = {"best_epoch": model.best_epoch, "hop_weights": model.options["hop_weights"]}
    return row | {"valid": mean_metric(valid, "ndcg@10")} | {name: metrics[name] for name in METRICS}


if __name__ == "__main__":
    main()

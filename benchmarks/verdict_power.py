"""How often verdicts are wrong, and how often they show a true gain, with the noise of archived results.

python benchmarks/verdict_power.py docs/results/beauty --json benchmarks/results/verdict_power.json
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from common import machine, write_json
from llminit.arrays import AnyArray, Float64Array
from llminit.results import Cell, Method, open_results
from llminit.verdicts.answer import answer_of
from llminit.verdicts.choice import validation_score
from llminit.verdicts.user_scores import UserScores
from simulated_comparisons import Noise, false_claims, method, simulated_verdicts

BASELINES = ("ease", "edlae", "rp3beta", "item-knn")
INITS = ("xavier", "whiten", "pca", "variance", "random", "uniform")
LEVEL, GAIN = 0.14, 0.08


def main() -> None:
    """Measure the noise, simulate, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="results whose noise is measured")
    parser.add_argument("--runs", type=int, default=1000, help="comparisons simulated of each kind")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each comparison")
    parser.add_argument("--training", type=float, help="the luck in training, in place of what was measured")
    parser.add_argument("--json", type=Path, help="where the result is written")
    given = parser.parse_args()
    noises = {folder.name: measured_noise(folder) for folder in given.folders}
    if given.training is not None:
        noises = {name: (replace(noise, training=given.training), more) for name, (noise, more) in noises.items()}
    rows = []
    for (name, (noise, _)), (what, truths) in product(noises.items(), comparisons().items()):
        row = {"noise": name, "truth": what, **simulated(truths, noise, given.runs, given.seeds)}
        print(json.dumps(row), flush=True)
        rows.append(row)
    found = {
        "benchmark": "verdict_power",
        "setting": f"{given.seeds} seeds, {given.runs} simulated comparisons of each kind",
        "machine": machine(),
        "noise": {name: asdict(noise) | more for name, (noise, more) in noises.items()},
        "simulated": rows,
    }
    write_json(given.json, found)


def measured_noise(folder: Path) -> tuple[Noise, dict[str, float]]:
    """Return the noise of the methods that all seeds have, as shares of their means, and what else it rests on."""
    results = open_results(folder)
    scores = UserScores(results, "recall@10", "standard")
    seeds = tuple(sorted({cell.key.seed for cell in results.cells()}))
    kept = [each for each in scores.methods if scores.common_seeds(each) == seeds and each.kind != "control"]
    kept = [each for each in kept if each.model != "popularity"]
    values = np.stack([scores.read([each], seeds)[each] for each in kept])
    values /= values.mean(axis=(1, 2), keepdims=True)
    trained = np.array([each.kind == "backbone" for each in kept])
    items, training, users = _parts(values)
    mine, theirs = trained[:, np.newaxis] & trained, trained[:, np.newaxis] & ~trained
    validation, correlation = _validation(results.cells(), seeds)
    noise = Noise(
        users=_root(_mean_of_pairs(users, mine) / 2),
        baseline_users=_root(_mean_of_pairs(users, theirs) - _mean_of_pairs(users, mine) / 2),
        items=_root(_mean_of_pairs(items, mine) / 2),
        baseline_items=_root(_mean_of_pairs(items, theirs) - _mean_of_pairs(items, mine) / 2),
        training=_root(_mean_of_pairs(training, mine | theirs) / 2),
        validation=validation,
    )
    return noise, {"correlation of validation and test": correlation}


def comparisons() -> dict[str, dict[Method, float]]:
    """Return by name the true means of what is simulated."""
    candidates = {method(model, init): LEVEL for model in ("lightgcn", "sgcl", "sgl") for init in INITS}
    without_text = {each: 0.9 * LEVEL for each in candidates if each.init == "xavier"}
    baselines = {method(name): LEVEL for name in BASELINES}
    weak = {method(name): 0.85 * LEVEL for name in BASELINES}
    # Where the gate opens, much is compared; fewer candidates are enough there.
    few = {each: value for each, value in candidates.items() if each.model != "sgl" and each.init in INITS[:4]}
    few_without_text = {each: value for each, value in few.items() if each.init == "xavier"}
    control = {method("lightgcn", "whiten/shuffled"): LEVEL}
    one_start = {each: value / (1 + GAIN) for each, value in (few | baselines).items()}
    return {
        "nothing differs": candidates | baselines | control,
        "one baseline is as good": candidates | without_text | weak | {method("ease"): LEVEL},
        "two baselines are as good": candidates | without_text | weak | {method(n): LEVEL for n in BASELINES[:2]},
        "xavier is as good": few | weak | control,
        "all text is 8 % better": few
        | {each: value / (1 + GAIN) for each, value in (baselines | few_without_text).items()}
        | control,
        "one start is 8 % better than all else": one_start | {method("sgcl", "whiten"): LEVEL},
    }


def simulated(truths: Mapping[Method, float], noise: Noise, runs: int, seeds: int) -> dict[str, Any]:
    """Return the shares of comparisons with a false claim, with the advice "use", and with more."""
    rng, found = np.random.default_rng(0), []
    for _ in range(runs):
        verdicts = simulated_verdicts(rng, truths, noise, seeds)
        answer = answer_of(verdicts)
        over_best = any(each.reference == method(BASELINES[0]) for each in answer.beaten)
        over_xavier = answer.xavier is not None and answer.xavier.outcome == "better"
        found.append((bool(false_claims(verdicts, truths)), over_best, answer.advice == "use", over_xavier))
    wrong, over_best, use, over_xavier = np.mean(found, axis=0).tolist()
    return {
        "false claim": wrong,
        "better than the best baseline": over_best,
        "better than every baseline": use,
        "better than xavier": over_xavier,
    }


def _parts(values: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return the variances of differences of means for each pair: by the items of one seed, by training, by users."""
    _, n_seeds, n_users = values.shape
    by_user, by_seed = values.mean(axis=1), values.mean(axis=2)
    rest = values - by_user[:, np.newaxis] - by_seed[:, :, np.newaxis] + values.mean(axis=(1, 2))[:, None, None]
    flat = rest.reshape(len(values), -1)
    both = flat @ flat.T / ((n_seeds - 1) * (n_users - 1))
    return (
        _of_differences(both) / n_users,
        _of_differences(np.cov(by_seed)) - _of_differences(both) / n_users,
        (_of_differences(np.cov(by_user)) - _of_differences(both) / n_seeds) / n_users,
    )


def _of_differences(covariances: Float64Array) -> Float64Array:
    variances = np.diag(covariances)
    found: Float64Array = variances[:, np.newaxis] + variances - 2 * covariances
    return found


def _mean_of_pairs(variances: Float64Array, chosen: AnyArray) -> float:
    return float(variances[chosen & ~np.eye(len(variances), dtype=bool)].mean())


def _root(variance: float) -> float:
    return float(np.sqrt(max(0.0, variance)))


def _validation(cells: list[Cell], seeds: tuple[int, ...]) -> tuple[float, float]:
    """Return the deviation of a seed's validation score beyond method and split, and how the test goes with it."""
    scores: dict[Method, dict[int, tuple[float, float]]] = {}
    for cell in cells:
        score = validation_score(cell)
        if cell.key.kind == "backbone" and score is not None:
            scores.setdefault(cell.key.method, {})[cell.key.seed] = score, cell.metrics["standard"]["recall@10"]
    table = np.array([[own[seed] for seed in seeds] for own in scores.values() if set(own) == set(seeds)])
    table /= table.mean(axis=1, keepdims=True)
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean(axis=(0, 1))
    n_methods, n_seeds, _ = table.shape
    covariances = np.einsum("msi,msj->ij", rest, rest) / ((n_methods - 1) * (n_seeds - 1))
    correlation = covariances[0, 1] / np.sqrt(covariances[0, 0] * covariances[1, 1])
    return _root(covariances[0, 0]), float(correlation)


if __name__ == "__main__":
    main()

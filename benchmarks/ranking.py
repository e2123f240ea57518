"""(c) Full-ranking evaluation on the test interactions, the same embeddings, the seen items masked, metrics at 10.

Against RecBole's `Trainer.evaluate`, with its default evaluation batch (4,096 scores: one user at a time in a
catalogue of more than 2,048 items) and with --users-a-batch users in a batch; and against per-user top-k lists.

    python benchmarks/ranking.py --json benchmarks/results/ranking.json
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import benchmark_data
import common
import peers
from lines import Worker

RECBOLE_DEFAULT = 4096


def main() -> None:
    """Compare with each peer and print the ratios."""
    parser = common.options_parser(__doc__)
    parser.add_argument("--data", help="a data set's name; default amazon-beauty, or ml-100k if that is missing")
    parser.add_argument("--embedding-size", type=int, default=128)
    parser.add_argument("--users-a-batch", type=int, default=1024, help="for RecBole's second row")
    options = parser.parse_args()
    data = benchmark_data.load(options.data)
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        benchmark_data.write(data, Path(folder), options.embedding_size, for_peer=True)
        rows = compare_all(Path(folder), data.n_items, options, versions)
    common.report("ranking", f"{data.describe()}; d={options.embedding_size}", rows, options, versions)


def compare_all(
    folder: Path, n_items: int, options: argparse.Namespace, versions: dict[str, str]
) -> list[common.Comparison]:
    """Time LLMInit in turn with each peer."""
    sizes = {"folder": str(folder), "batch": 256, "n_layers": 2}
    rows = []
    with Worker("llminit_worker.py", folder / "llminit.log") as ours:
        versions.update(ours.ask("load", **sizes, backbone="mf")["versions"])
        batches = {"by default": RECBOLE_DEFAULT, "in batches": options.users_a_batch * (n_items + 1)}
        for variant, batch in batches.items():
            with Worker("recbole_worker.py", folder / "recbole.log", python=peers.recbole_python(), cwd=folder) as peer:
                model = {"model": "BPR", "embedding_size": options.embedding_size, "eval_batch_size": batch}
                versions.update(peer.ask("load", **sizes, **model)["versions"])
                target = 10.0 if batch == RECBOLE_DEFAULT else None
                rows.append(
                    compare(f"ranking, RecBole {variant}", "RecBole 1.2.1", peer, "evaluate", ours, options, target)
                )
        with Worker("twin_worker.py", folder / "twin.log") as peer:
            peer.ask("load", **sizes, backbone="mf")
            rows.append(compare("ranking, lists user by user", "per-user top-k", peer, "rank", ours, options, None))
    return rows


def compare(
    what: str,
    name: str,
    peer: Worker,
    command: str,
    ours: Worker,
    options: argparse.Namespace,
    target: float | None,
) -> common.Comparison:
    """Time both in turn, after a warm-up of each, and note the difference of their metrics."""
    common.say(f"{what}: warming up")
    warm = peer.ask(command), ours.ask("rank")
    answers = common.in_turn(lambda: peer.ask(command), lambda: ours.ask("rank"), options.repeats)
    notes: dict[str, Any] = {
        "largest difference of a metric": _difference(*(side["metrics"] for side in warm)),
        common.OTHERS: common.max_others_share(answers),
        "peak memory, peer and LLMInit": [common.in_gib(side[-1]["peak"]) for side in answers],
    }
    seconds = common.seconds_of(answers)
    return common.Comparison(what, name, *seconds, target, notes)


def _difference(left: dict[str, float], right: dict[str, float]) -> float:
    return max(abs(left[name] - right[name]) for name in left)


if __name__ == "__main__":
    main()

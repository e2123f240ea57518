"""(a) One training epoch of a backbone against RecBole 1.2.1: same data, split, batch, width, layers and start.

SGCL has no peer in RecBole and runs against the plain autograd twin; softmax, which RecBole does not have either, runs
against RecBole's LightGCN, the model in whose place it is the default. A warm-up epoch of each side is not counted.

    python benchmarks/epoch.py --json benchmarks/results/epoch.json
    python benchmarks/epoch.py --data gowalla --backbone lightgcn --embedding-size 64 --batch 2048
"""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import benchmark_data
import common
import peers
from lines import Worker

RECBOLE_NAMES = {"lightgcn": "LightGCN", "sgl": "SGL", "mf": "BPR", "softmax": "LightGCN"}
TARGETS = {"lightgcn": 15.0, "sgl": 5.0, "mf": 10.0, "sgcl": 10.0, "softmax": 100.0}
GOWALLA_TARGET = 8.0


def main() -> None:
    """Compare each backbone and print the ratios."""
    parser = common.options_parser(__doc__)
    common.add_model_options(parser, ["lightgcn", "sgl", "sgcl", "mf", "softmax"])
    options = parser.parse_args()
    data = benchmark_data.load(options.data)
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        benchmark_data.write(data, Path(folder), options.embedding_size, for_peer=True)
        is_gowalla = data.name == "gowalla"
        rows = [compare(name, Path(folder), options, versions, gowalla=is_gowalla) for name in options.backbone]
    setting = f"{data.describe()}; d={options.embedding_size}, batch {options.batch}, {options.layers} layers"
    common.report("epoch", setting, rows, options, versions)


def compare(
    backbone: str, folder: Path, options: argparse.Namespace, versions: dict[str, str], *, gowalla: bool
) -> common.Comparison:
    """Time epochs of one backbone on both sides, in turn."""
    sizes = {"folder": str(folder), "batch": options.batch, "n_layers": options.layers}
    with ExitStack() as stack:
        peer = stack.enter_context(open_peer(backbone, folder))
        if backbone in RECBOLE_NAMES:
            model = {
                "model": RECBOLE_NAMES[backbone],
                "embedding_size": options.embedding_size,
                "eval_batch_size": 4096,
            }
            versions.update(peer.ask("load", **sizes, **model)["versions"])
        else:
            peer.ask("load", **sizes, backbone=backbone)
        ours = stack.enter_context(Worker("llminit_worker.py", folder / "llminit.log"))
        versions.update(ours.ask("load", **sizes, backbone=backbone)["versions"])
        common.say(f"{backbone}: warming up")
        warm = peer.ask("epoch"), ours.ask("epoch")
        answers = common.in_turn(lambda: peer.ask("epoch"), lambda: ours.ask("epoch"), options.repeats)
    target = (GOWALLA_TARGET if backbone == "lightgcn" else None) if gowalla else TARGETS[backbone]
    name = "RecBole 1.2.1" if backbone in RECBOLE_NAMES else "plain twin"
    name += "'s LightGCN" if backbone == "softmax" else ""
    seconds = common.seconds_of(answers)
    return common.Comparison(f"epoch of {backbone}", name, *seconds, target, notes(warm, answers))


def open_peer(backbone: str, folder: Path) -> Worker:
    """Start RecBole's worker, or the twin's where RecBole has no such model."""
    if backbone in RECBOLE_NAMES:
        return Worker("recbole_worker.py", folder / "recbole.log", python=peers.recbole_python(), cwd=folder)
    return Worker("twin_worker.py", folder / "twin.log")


def notes(warm: tuple[dict[str, Any], dict[str, Any]], answers: Any) -> dict[str, Any]:
    """Return notes on both sides: the first epoch's loss, which shows that they did the same work, and peak memory."""
    return {
        "mean batch loss of the first epoch, peer and LLMInit": [round(side["loss"], 5) for side in warm],
        "peak memory, peer and LLMInit": [common.in_gib(side[-1]["peak"]) for side in answers],
        common.OTHERS: common.max_others_share(answers),
        "seconds of a call of train outside its epochs": round(answers[1][-1]["outside"], 3),
    }


if __name__ == "__main__":
    main()

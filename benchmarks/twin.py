"""(b) One training epoch against straightforward implementations: the plain autograd twin, and PyG's LightGCN.

PyG's LightGCN needs `pip install torch_geometric`; without it its row is left out.

    python benchmarks/twin.py --json benchmarks/results/twin.json
"""

import argparse
import importlib.util
import tempfile
from pathlib import Path

import benchmark_data
import common
from epoch import notes
from lines import Worker

PEERS = {"twin": "plain twin", "pyg": "PyG LightGCN"}


def main() -> None:
    """Compare each backbone with its twin, and LightGCN with PyG's."""
    parser = common.options_parser(__doc__)
    common.add_model_options(parser, ["lightgcn", "sgl", "sgcl", "mf"])
    options = parser.parse_args()
    data = benchmark_data.load(options.data)
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        benchmark_data.write(data, Path(folder), options.embedding_size)
        rows = [compare(backbone, "twin", Path(folder), options, versions) for backbone in options.backbone]
        if "lightgcn" in options.backbone and has_pyg():
            rows.append(compare("lightgcn", "pyg", Path(folder), options, versions))
    setting = f"{data.describe()}; d={options.embedding_size}, batch {options.batch}, {options.layers} layers"
    common.report("twin", setting, rows, options, versions)


def compare(
    backbone: str, peer_name: str, folder: Path, options: argparse.Namespace, versions: dict[str, str]
) -> common.Comparison:
    """Time epochs of one backbone on both sides, in turn."""
    sizes = {"folder": str(folder), "batch": options.batch, "n_layers": options.layers, "backbone": backbone}
    with (
        Worker("twin_worker.py", folder / "twin.log") as peer,
        Worker("llminit_worker.py", folder / "llminit.log") as ours,
    ):
        versions.update(peer.ask("load", **sizes, peer=peer_name)["versions"])
        versions.update(ours.ask("load", **sizes)["versions"])
        common.say(f"{backbone} against {PEERS[peer_name]}: warming up")
        warm = peer.ask("epoch"), ours.ask("epoch")
        answers = common.in_turn(lambda: peer.ask("epoch"), lambda: ours.ask("epoch"), options.repeats)
    seconds = common.seconds_of(answers)
    target = 10.0 if (backbone, peer_name) == ("sgcl", "twin") else None
    return common.Comparison(f"epoch of {backbone}", PEERS[peer_name], *seconds, target, notes(warm, answers))


def has_pyg() -> bool:
    """Return whether torch_geometric is installed; print a hint if it is not."""
    is_installed = importlib.util.find_spec("torch_geometric") is not None
    if not is_installed:
        print("PyG's row is left out: pip install torch_geometric")
    return is_installed


if __name__ == "__main__":
    main()

"""`llminit fit` on a Ray cluster: every worker of Ray Train is a rank, and the first one saves the recommender.

    pip install 'llminit[ray]' 'ray[train]'
    python examples/train_with_ray.py --workers 4 --interactions interactions.parquet --items items.parquet --out model

The files and --out must be on a file system that all nodes share; options of `fit` follow as NAME=VALUE.
"""

import argparse
from pathlib import Path
from typing import Any

from ray.train import ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer


def fit_as_rank(call: dict[str, Any]) -> None:
    """Do one rank's part; Ray has made the process group already."""
    from llminit.config import FitConfig
    from llminit.pipeline.fit_over_ranks import fit_over_ranks

    options = call.pop("options")
    fit_over_ranks(**call, config=FitConfig.make(**options))


def main() -> None:
    """Start the workers and wait for them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--interactions", type=Path, required=True)
    parser.add_argument("--items", type=Path)
    parser.add_argument("--embeddings", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--negatives", choices=["rank", "shared"], default="rank")
    parser.add_argument("--gpu", action="store_true", help="a GPU for each worker, and NCCL between them")
    parser.add_argument("options", nargs="*", metavar="NAME=VALUE", help="fields of FitConfig, such as epochs=10")
    arguments = parser.parse_args()
    paths = {name: getattr(arguments, name) for name in ("interactions", "items", "embeddings", "out")}
    call = {name: None if path is None else str(path.resolve()) for name, path in paths.items()}
    call |= {"negatives": arguments.negatives, "device": "cuda" if arguments.gpu else "cpu"}
    trainer = TorchTrainer(
        fit_as_rank,
        train_loop_config=call | {"options": dict(option.split("=", 1) for option in arguments.options)},
        torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if arguments.gpu else "gloo"),
        scaling_config=ScalingConfig(num_workers=arguments.workers, use_gpu=arguments.gpu),
    )
    trainer.fit()
    print(f"saved to {arguments.out}")


if __name__ == "__main__":
    main()

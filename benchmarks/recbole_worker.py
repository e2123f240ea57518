"""RecBole 1.2.1 as a worker; run by the interpreter of its environment (see peers.py).

RecBole (MIT licence) is used as published. Names here follow RecBole's.
"""

import importlib.metadata
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lines import peak_memory, serve

# RecBole's checkpoints hold whole objects, which torch's default has refused since 2.6.
os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"

from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed

COMMON = {"use_gpu": False, "gpu_id": "", "show_progress": False, "seed": 0, "topk": [10], "metric_decimal_place": 8}
PAPER_OPTIONS: dict[str, dict[str, Any]] = {
    "LightGCN": {"reg_weight": 1e-5},
    "SGL": {"type": "ED", "drop_ratio": 0.1, "ssl_tau": 0.2, "ssl_weight": 0.05, "reg_weight": 1e-5},
    "BPR": {},
}


class Side:
    """A RecBole trainer that runs an epoch, an evaluation or a fit on command."""

    def load(
        self, folder: str, model: str, embedding_size: int, batch: int, n_layers: int, eval_batch_size: int
    ) -> dict[str, Any]:
        """Read the split atomic files, build the model and start from the shared initial embeddings."""
        started = time.perf_counter()
        names = ["train", "valid", "test"]
        options = {
            "data_path": f"{folder}/atomic",
            "benchmark_filename": names,
            "load_col": {"inter": ["user_id", "item_id"]},
            "eval_args": {"group_by": "user", "order": "RO", "mode": "full"},
        }
        self._build("shared", model, embedding_size, batch, n_layers, eval_batch_size, options)
        with np.load(Path(folder) / "initial.npz", allow_pickle=False) as initial:
            self._start_from(initial["users"], initial["items"])
        return {"seconds": time.perf_counter() - started, "versions": _versions()}

    def fit(
        self,
        folder: str,
        model: str,
        embedding_size: int,
        batch: int,
        n_layers: int,
        eval_batch_size: int,
        epochs: int,
    ) -> dict[str, Any]:
        """Fit from an atomic file and measure test metrics: read, filter, split, train, validate each epoch, test."""
        started = time.perf_counter()
        options = {
            "data_path": folder,
            "load_col": {"inter": ["user_id", "item_id", "rating"]},
            "val_interval": {"rating": "[4,inf)"},
            "user_inter_num_interval": "[5,inf)",
            "item_inter_num_interval": "[5,inf)",
            "eval_args": {"split": {"LS": "valid_and_test"}, "group_by": "user", "order": "RO", "mode": "full"},
            "epochs": epochs,
            "stopping_step": epochs,
            "valid_metric": "NDCG@10",
        }
        self._build("raw", model, embedding_size, batch, n_layers, eval_batch_size, options)
        self.trainer.fit(self.train, self.valid, verbose=False, saved=False)
        metrics = self.trainer.evaluate(self.test, load_best_model=False)
        seconds = time.perf_counter() - started
        dataset = self.train.dataset
        counts = {"n_users": dataset.user_num - 1, "n_items": dataset.item_num - 1}
        return {"seconds": seconds, "metrics": _plain(metrics), "peak": peak_memory(), "versions": _versions()} | counts

    def epoch(self) -> dict[str, Any]:
        """Train one epoch."""
        started = time.perf_counter()
        loss = self.trainer._train_epoch(self.train, 0)  # noqa: SLF001
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "loss": loss / len(self.train), "peak": peak_memory()}

    def evaluate(self) -> dict[str, Any]:
        """Rank all items for the test interactions, the seen ones masked."""
        started = time.perf_counter()
        metrics = self.trainer.evaluate(self.test, load_best_model=False)
        return {"seconds": time.perf_counter() - started, "metrics": _plain(metrics), "peak": peak_memory()}

    def _build(
        self,
        dataset_name: str,
        model: str,
        embedding_size: int,
        batch: int,
        n_layers: int,
        eval_batch_size: int,
        options: dict[str, Any],
    ) -> None:
        sizes = {
            "embedding_size": embedding_size,
            "train_batch_size": batch,
            "n_layers": n_layers,
            "eval_batch_size": eval_batch_size,
        }
        config = Config(model=model, dataset=dataset_name, config_dict=COMMON | sizes | PAPER_OPTIONS[model] | options)
        init_seed(config["seed"], config["reproducibility"])
        dataset = create_dataset(config)
        self.train, self.valid, self.test = data_preparation(config, dataset)
        self.model = get_model(config["model"])(config, self.train._dataset).to(config["device"])  # noqa: SLF001
        self.trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, self.model)
        self.trainer.eval_collector.data_collect(self.train)

    def _start_from(self, users: np.ndarray, items: np.ndarray) -> None:
        dataset = self.train.dataset
        tables = ((self.model.user_embedding, "user_id", users), (self.model.item_embedding, "item_id", items))
        for embedding, field, values in tables:
            # Row 0 is padding; the others are in the order in which the tokens (our codes) were read.
            codes = dataset.field2id_token[field][1:].astype(np.int64)
            with torch.no_grad():
                embedding.weight[1:] = torch.from_numpy(values[codes])


def _plain(metrics: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("recbole", "torch", "numpy")}


if __name__ == "__main__":
    side = Side()
    serve({"load": side.load, "fit": side.fit, "epoch": side.epoch, "evaluate": side.evaluate})

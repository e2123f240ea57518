"""Straightforward implementations as a worker: the plain twin, PyG's LightGCN, and ranking user by user."""

import importlib.metadata
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark_data import INITIAL_FILE, INTERACTIONS_FILE
from lines import peak_memory, serve
from per_user_ranking import rank_per_user
from plain_twin import Twin


class Side:
    """A twin that trains or ranks on command."""

    def load(self, folder: str, backbone: str, batch: int, n_layers: int, peer: str = "twin") -> dict[str, Any]:
        """Build the twin from the shared interactions and initial embeddings; `peer` is twin or pyg."""
        started = time.perf_counter()
        with np.load(Path(folder) / INTERACTIONS_FILE, allow_pickle=False) as arrays:
            self.arrays = dict(arrays)
        with np.load(Path(folder) / INITIAL_FILE, allow_pickle=False) as initial:
            self.initial = initial["users"], initial["items"]
        self.batch = batch
        self.trained: Any = Twin(
            backbone,
            self.arrays["train_users"],
            self.arrays["train_items"],
            int(self.arrays["n_users"]),
            int(self.arrays["n_items"]),
            torch.from_numpy(np.concatenate(self.initial)),
            n_layers,
        )
        versions = {name: importlib.metadata.version(name) for name in ("torch", "numpy")}
        if peer == "pyg":
            from pyg_lightgcn import PyGLightGCN

            self.trained = PyGLightGCN(self.trained)
            versions["torch_geometric"] = importlib.metadata.version("torch_geometric")
        return {"seconds": time.perf_counter() - started, "versions": versions}

    def epoch(self) -> dict[str, Any]:
        """Train one epoch."""
        started = time.perf_counter()
        loss = self.trained.epoch(self.batch)
        return {"seconds": time.perf_counter() - started, "loss": loss, "peak": peak_memory()}

    def rank(self) -> dict[str, Any]:
        """Rank all items for the test interactions by the initial embeddings, user by user, the seen ones masked."""
        started = time.perf_counter()
        metrics = rank_per_user(*self.initial, self.arrays)
        return {"seconds": time.perf_counter() - started, "metrics": metrics, "peak": peak_memory()}


if __name__ == "__main__":
    side = Side()
    serve({"load": side.load, "epoch": side.epoch, "rank": side.rank})

"""LLMInit as a worker, by the library's functions only."""

import importlib.metadata
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmark_data import INITIAL_FILE, INTERACTIONS_FILE
from lines import peak_memory, serve


class Side:
    """A backbone that trains or ranks on command."""

    def load(self, folder: str, backbone: str, batch: int, n_layers: int) -> dict[str, Any]:
        """Read the interactions, build the graph and start from the shared initial embeddings."""
        from llminit.config import TrainingConfig
        from llminit.graph import normalized_adjacency
        from llminit.models import BACKBONES, GraphConfig

        started = time.perf_counter()
        with np.load(Path(folder) / INTERACTIONS_FILE, allow_pickle=False) as arrays:
            shape = int(arrays["n_users"]), int(arrays["n_items"])
            parts = {name: arrays[name] for name in arrays.files if not name.startswith("n_")}
        with np.load(Path(folder) / INITIAL_FILE, allow_pickle=False) as initial:
            self.initial = initial["users"], initial["items"]
        adjacency = normalized_adjacency(parts["train_users"], parts["train_items"], *shape)
        kind = BACKBONES[backbone]
        layers = {"n_layers": n_layers} if issubclass(kind.options_type, GraphConfig) else {}
        self.backbone = kind(*self.initial, adjacency, kind.options_type.make(**layers))
        self.config = TrainingConfig(train_batch_size=batch, epochs=2)
        self.shape, self.parts = shape, parts
        return {"seconds": time.perf_counter() - started, "versions": _versions()}

    def epoch(self, n_epochs: int = 2) -> dict[str, Any]:
        """Train some epochs and time the last one; the others are a warm-up for each call of `train`."""
        from llminit.training import train

        started = time.perf_counter()
        history = train(self.backbone, self.config.model_copy(update={"epochs": n_epochs}), None).history
        outside = time.perf_counter() - started - history[-1].seconds
        ends = [0.0, *(record.seconds for record in history)]
        return {
            "seconds": ends[-1] - ends[-2],
            "all_seconds": np.diff(ends).tolist(),
            "outside": outside,
            "loss": history[0].loss,
            "peak": peak_memory(),
        }

    def steps(self, n_steps: int, n_timings: int) -> dict[str, Any]:
        """Time drawing an epoch's triples and some of its steps, and extrapolate to the whole epoch."""
        from llminit.training.optimizer import Adam
        from llminit.training.sampler import TripleSampler
        from llminit.training.step import steps_of

        graph, size = self.backbone.adjacency, self.config.train_batch_size
        sampler = TripleSampler(*graph.edges, graph.n_users, graph.n_items)
        run_steps = steps_of(self.backbone, Adam(self.backbone, 1e-3), size)
        whole = -(-len(sampler.users) // size)
        counted, seconds = min(n_steps, whole), []
        for timing in range(n_timings):
            started = time.perf_counter()
            triples = sampler.epoch(np.random.default_rng(timing), negatives=True)
            drawn = time.perf_counter()
            run_steps(triples[:, : counted * size])
            seconds.append(drawn - started + (time.perf_counter() - drawn) * whole / counted)
        share = _share_of_edges(graph, triples[:, : counted * size], size, len(self.backbone.layers))
        return {"all_seconds": seconds, "n_steps": counted, "peak": peak_memory(), "share_of_edges": share}

    def rank(self) -> dict[str, Any]:
        """Rank all items for the test interactions by the initial embeddings, the seen ones masked."""
        from llminit.evaluation import factor_scorer, mean_metrics, ranks_under

        relevant, seen = self._matrix("test"), (self._matrix("train") + self._matrix("valid")).tocsr()
        started = time.perf_counter()
        ranks = ranks_under("standard", factor_scorer(*self.initial), relevant, seen)
        metrics = mean_metrics(ranks, (10,), ("recall", "mrr", "ndcg", "hit", "precision"))
        return {"seconds": time.perf_counter() - started, "metrics": dict(metrics), "peak": peak_memory()}

    def fit(self, interactions: str, **options: Any) -> dict[str, Any]:
        """Fit from an interactions file, with Xavier embeddings, and measure test metrics."""
        from llminit.pipeline.fit import fit

        started = time.perf_counter()
        recommender = fit(interactions, init="xavier", **options)
        seconds = time.perf_counter() - started
        counts = {name: recommender.report[name] for name in ("n_users", "n_items")}
        metrics = recommender.report["metrics"]["standard"]
        return {"seconds": seconds, "metrics": metrics, "peak": peak_memory(), "versions": _versions()} | counts

    def _matrix(self, part: str) -> Any:
        from llminit.data import Interactions, to_csr

        return to_csr(Interactions(self.parts[f"{part}_users"], self.parts[f"{part}_items"]), *self.shape)


def _share_of_edges(graph: Any, triples: Any, size: int, n_layers: int) -> float:
    """Return the share of the edges that the widest hop of a step reads, on average over batches."""
    from llminit.compiled.graph import ABSENT, find_frontiers

    degrees = np.diff(graph.indptr)
    shares = []
    for start in range(0, triples.shape[1], size):
        rows = np.ascontiguousarray(triples[:, start : start + size]).reshape(-1)
        nodes, position = np.empty(graph.n_nodes, dtype=np.int32), np.full(graph.n_nodes, ABSENT)
        ends = find_frontiers(graph.indptr, graph.indices, rows, n_layers - 1, nodes, position)
        shares.append(degrees[nodes[: ends[-1]]].sum() / len(graph.indices))
    return float(np.mean(shares))


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("torch", "numpy", "numba")}


if __name__ == "__main__":
    side = Side()
    serve({"load": side.load, "epoch": side.epoch, "steps": side.steps, "rank": side.rank, "fit": side.fit})

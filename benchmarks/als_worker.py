"""irspack 0.5.2 (MIT licence) and implicit 0.7.3 (MIT licence) as a worker; run in their environment (see peers.py)."""

import importlib.metadata
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sps
from implicit.als import AlternatingLeastSquares
from irspack.recommenders.ials import IALSRecommender

from lines import serve


class Side:
    """Matrix factorisation by alternating least squares, fitted on command."""

    def load(self, folder: str) -> dict[str, Any]:
        """Read the training matrix and the items' features."""
        with np.load(Path(folder) / "peers.npz", allow_pickle=False) as data:
            ones = np.ones(len(data["users"]), dtype=np.float32)
            shape = (int(data["n_users"]), int(data["n_items"]))
            self.train = sps.csr_matrix((ones, (data["users"], data["items"])), shape=shape)
            self.features = data["features"]
        return {"versions": {name: importlib.metadata.version(name) for name in ("irspack", "implicit")}}

    def fit(self, model: str, width: int, out: str, **options: Any) -> dict[str, Any]:
        """Fit one model and write its tables."""
        started = time.perf_counter()
        users, items = (
            _implicit(self.train, width, options) if model == "implicit" else self._irspack(model, width, options)
        )
        seconds = time.perf_counter() - started
        np.savez(out, users=users.astype(np.float32), items=items.astype(np.float32))
        return {"seconds": seconds}

    def _irspack(self, model: str, width: int, options: dict[str, Any]) -> Any:
        if model == "irspack-text":
            options |= {"item_features": self.features, "lambda_item_feature": 1.0}
        fitted = IALSRecommender(self.train, n_components=width, **options).learn()
        return fitted.get_user_embedding(), fitted.get_item_embedding()


def _implicit(train: Any, width: int, options: dict[str, Any]) -> Any:
    fitted = AlternatingLeastSquares(factors=width, random_state=0, **options)
    fitted.fit(train, show_progress=False)
    return fitted.user_factors, fitted.item_factors


if __name__ == "__main__":
    side = Side()
    serve({"load": side.load, "fit": side.fit})

"""Train RecBole's LightGCN from the embeddings that LLMInit has written beside this file.

    python start_lightgcn.py --epochs=100 --n_layers=3

Run it with a Python that has RecBole (1.2.1). Options are RecBole's own, in lightgcn.yaml or as above. Two more are
ours: --start_users=exported takes the users' vectors from the export too, instead of the mean of each user's training
items; --start_items=random leaves RecBole's own start, to compare with.
"""

import json
import os
from pathlib import Path
from typing import Any

# RecBole's checkpoints, which it reads back at the end, hold whole objects, which torch has refused since 2.6.
os.environ.setdefault("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")

import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Train, and print the metrics of the start and of the best epoch as JSON."""
    config = Config(
        model="LightGCN",
        dataset="llminit",
        config_file_list=[str(HERE / "lightgcn.yaml")],
        config_dict={"data_path": str(HERE)},
    )
    init_seed(config["seed"], config["reproducibility"])
    train, valid, test = data_preparation(config, create_dataset(config))
    model = get_model("LightGCN")(config, train.dataset).to(config["device"])
    if config["start_items"] != "random":
        start_from(model, train.dataset, users=config["start_users"])
    trainer = get_trainer(config["MODEL_TYPE"], "LightGCN")(config, model)
    trainer.eval_collector.data_collect(train)
    before = trainer.evaluate(test, load_best_model=False, show_progress=False)
    trainer.fit(train, valid, show_progress=False)
    after = trainer.evaluate(test, load_best_model=True, show_progress=False)
    found = {name: {metric: float(value) for metric, value in part.items()} for name, part in
             (("start", before), ("trained", after))}  # fmt: skip
    print(json.dumps(found))


def start_from(model: Any, dataset: Any, users: str) -> None:
    """Set the embeddings to those of the export.

    Args:
        model: RecBole's LightGCN.
        dataset: RecBole's training data; its rows are in the order of RecBole's own codes, of which 0 is padding.
        users: "mean" for the mean of a user's training items, "exported" for the vectors of the export.
    """
    items = dataset.get_preload_weight("iid")
    starts = dataset.get_preload_weight("uid") if users == "exported" else means(items, dataset.inter_matrix("csr"))
    with torch.no_grad():
        model.item_embedding.weight.copy_(torch.from_numpy(items))
        model.user_embedding.weight.copy_(torch.from_numpy(starts))


def means(items: Any, interactions: Any) -> Any:
    """Return the mean of each user's training items; of a user without any, the mean of all items."""
    counts = np.asarray(interactions.sum(axis=1)).reshape(-1, 1)
    return np.where(counts > 0, interactions @ items / np.maximum(counts, 1), items[1:].mean(axis=0))


if __name__ == "__main__":
    main()

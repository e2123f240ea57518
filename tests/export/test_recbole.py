"""RecBole: its own LightGCN, in an environment of its own, starts from what was exported."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from exported import arrays, floats, sample
from llminit import Recommender, fit
from llminit.data import read_interactions
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ConfigError
from llminit.export import export
from other_programs import recbole_python
from planted import plant

START = """
import json, sys
sys.path.insert(0, sys.argv.pop(1))
import start_lightgcn as recipe

class Enough(Exception):
    pass

start_from = recipe.start_from

def show(model, dataset, users):
    found = {"tokens": {name: dataset.field2id_token[name].tolist() for name in ("user_id", "item_id")}}
    found["pairs"] = [part.tolist() for part in dataset.inter_matrix("coo").nonzero()]
    assert users == "mean"
    for users in ("mean", "exported"):
        start_from(model, dataset, users)
        found[users] = model.user_embedding.weight.tolist()
    found["items"] = model.item_embedding.weight.tolist()
    print(json.dumps(found))
    raise Enough

recipe.start_from = show
try:
    recipe.main()
except Enough:
    pass
"""


def recbole(folder: Path, *command: str) -> Any:
    names = ("PYTHONPATH", "NUMBA_CACHE_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    call = [recbole_python(), *command]
    done = subprocess.run(call, capture_output=True, text=True, check=False, cwd=folder, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_recbole_starts_from_the_exported_embeddings(tmp_path: Path, recommender: Recommender) -> None:
    """Every item has its exported vector, bit for bit; a user the mean of their training items, or the exported one."""
    export(recommender, "recbole", tmp_path / "o")
    found = recbole(tmp_path, "-c", START, str(tmp_path / "o"))
    # The first row is RecBole's padding; the others are in the order of its own ids.
    items = recommender.items.codes(found["tokens"]["item_id"][1:])
    users = recommender.users.codes(found["tokens"]["user_id"][1:])
    assert sorted(items) == list(range(len(recommender.items)))
    assert sorted(users) == list(range(len(recommender.users)))
    np.testing.assert_array_equal(floats(found["items"][1:]), arrays(recommender)[1][items])
    np.testing.assert_array_equal(floats(found["exported"][1:]), arrays(recommender)[0][users])
    has: dict[int, list[int]] = {}
    for user, item in zip(*found["pairs"], strict=True):
        has.setdefault(user, []).append(item)
    expected = [np.mean([found["items"][item] for item in has[user]], axis=0) for user in range(1, len(users) + 1)]
    np.testing.assert_allclose(found["mean"][1:], expected, rtol=1e-5, atol=1e-6)
    n_seen = np.diff(recommender.seen.indptr)
    held_out = n_seen[users] - [len(has[user]) for user in range(1, len(users) + 1)]
    assert set(held_out[n_seen[users] > 2]) == {2}, "the mean is of the training items alone"


def test_recbole_trains(tmp_path: Path) -> None:
    """From initial embeddings of the planted texts, RecBole's start is better than its random one, and it trains."""
    world = plant()
    options: dict[str, Any] = {"backbone": "mf", "init": "whiten", "epochs": 0, "embedding_size": 8}
    fitted = fit(world.interactions, world.items, embeddings=world.embeddings, **options)
    export(fitted, "recbole", tmp_path / "o")
    command = [str(tmp_path / "o" / "start_lightgcn.py"), "--epochs=3", "--train_batch_size=32", "--learning_rate=0.05"]
    ours, random = (recbole(tmp_path, *command, f"--start_items={start}") for start in ("exported", "random"))
    assert ours["start"]["recall@10"] > random["start"]["recall@10"]
    assert set(ours["trained"]) == {"recall@10", "recall@20", "ndcg@10", "ndcg@20"}
    assert ours["trained"] != ours["start"]


def test_atomic_files_are_read_back(tmp_path: Path, recommender: Recommender) -> None:
    """The interactions are what users have, as this library reads atomic files too."""
    export(recommender, "recbole", tmp_path / "o")
    table = read_interactions(tmp_path / "o" / "llminit" / "llminit.inter")
    rows, columns = recommender.users.codes(table["user_id"]), recommender.items.codes(table["item_id"])
    found = np.zeros(recommender.seen.shape)
    np.add.at(found, (rows, columns), 1)
    np.testing.assert_array_equal(found, recommender.seen.toarray())


@pytest.mark.parametrize("bad", ["", "NA", "null", "None", "[PAD]", "a\tb", "a\nb", '"a'])
def test_ids_that_recbole_would_change(tmp_path: Path, bad: str) -> None:
    """What RecBole reads as missing or as two is refused by name, and nothing is written."""
    recommender = sample()
    ids = [bad, *recommender.items.ids.to_list()[1:]]
    items = Vocabulary(pl.Series(ids))
    with pytest.raises(ConfigError, match=r"1 ids of the column 'item_id' cannot be written for RecBole"):
        export(Recommender(recommender.users, items, recommender.model, recommender.seen), "recbole", tmp_path / "o")
    assert list(tmp_path.iterdir()) == []

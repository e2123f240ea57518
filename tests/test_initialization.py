"""Initial embeddings for all users and items."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from safetensors.numpy import load_file
from scipy.sparse import csr_array

import oracles
from llminit.errors import EmbeddingError, StorageError
from llminit.initialization import initial_embeddings, svd_embeddings, user_means, xavier_embeddings
from llminit.selectors import SELECTORS
from llminit.text.embeddings import TextEmbeddings

N_USERS, N_ITEMS, WIDTH, SIZE = 8, 30, 10, 4
WITHOUT_TEXT = [3, 17]
USER_IDS = pl.Series([f"user {code}" for code in range(N_USERS)])


@pytest.fixture
def pairs() -> list[tuple[int, int]]:
    """Interactions; the last user has none, and an item without text is among them."""
    chosen = np.random.default_rng(3).random((N_USERS - 1, N_ITEMS)) < 0.3
    chosen[0, 3] = True
    return [(int(user), int(item)) for user, item in np.argwhere(chosen)]


@pytest.fixture
def train(pairs: list[tuple[int, int]]) -> csr_array:
    users, items = np.array(pairs).T
    return sp.csr_array((np.ones(len(users), dtype=np.float32), (users, items)), shape=(N_USERS, N_ITEMS))


@pytest.fixture
def text() -> TextEmbeddings:
    values = np.random.default_rng(4).normal(1, 1, size=(N_ITEMS, WIDTH)).astype(np.float32)
    missing = np.isin(np.arange(N_ITEMS), WITHOUT_TEXT)
    return TextEmbeddings.from_arrays(pl.Series("id", np.arange(100, 100 + N_ITEMS)), values, missing)


@pytest.mark.parametrize("select", SELECTORS)
def test_users_start_at_the_mean_of_their_training_items(
    select: str, text: TextEmbeddings, train: csr_array, pairs: list[tuple[int, int]]
) -> None:
    """A user's row is the mean of the rows of their training items; without history it is the mean of all rows."""
    made = initial_embeddings(USER_IDS, text, train, select=select, embedding_size=SIZE)
    oracles.assert_close(made.users, oracles.mean_of_seen(made.items, pairs, N_USERS), 1e-5)
    assert made.users.dtype == made.items.dtype == np.float32
    assert made.embedding_size == (WIDTH if select == "full" else SIZE)
    assert made.n_users_without_history == 1


@pytest.mark.parametrize("select", SELECTORS)
def test_items_without_text_get_the_mean_and_are_counted(select: str, text: TextEmbeddings, train: csr_array) -> None:
    """Items without text get the mean over the items with text, and their number is reported."""
    made = initial_embeddings(USER_IDS, text, train, select=select, embedding_size=SIZE)
    mean = made.items[~text.missing].astype(np.float64).mean(axis=0)
    assert np.abs(made.items[WITHOUT_TEXT] - mean).max() < 1e-5
    assert made.n_items_without_text == 2
    assert made.item_ids.to_list() == list(range(100, 100 + N_ITEMS))


@pytest.mark.parametrize("select", ["variance", "pca", "whiten"])
def test_items_without_text_do_not_take_part_in_the_selection(
    select: str, text: TextEmbeddings, train: csr_array
) -> None:
    """The selector sees only the items that have text: their rows are as if the others did not exist."""
    made = initial_embeddings(USER_IDS, text, train, select=select, embedding_size=SIZE)
    present = ~text.missing
    alone = TextEmbeddings.from_arrays(text.ids.filter(pl.Series(present)), text.values[present])
    expected = initial_embeddings(USER_IDS, alone, train[:, present], select=select, embedding_size=SIZE)
    assert np.array_equal(made.items[present], expected.items)


def test_variance_counts_training_interactions(
    text: TextEmbeddings, train: csr_array, pairs: list[tuple[int, int]]
) -> None:
    """The popularity that variance looks at is each item's number of training interactions."""
    present = np.flatnonzero(~text.missing)
    degrees = [sum(item == other for _, item in pairs) for other in present]
    dims = oracles.variance_dims(text.values[present], degrees, SIZE, 0.2)
    made = initial_embeddings(USER_IDS, text, train, select="variance", embedding_size=SIZE)
    assert np.array_equal(made.items[present], text.values[present][:, dims])


def test_options_and_seed_arrive_at_the_selector(text: TextEmbeddings, train: csr_array) -> None:
    """Options reach the selector, and the seed decides its randomness."""
    made = [
        initial_embeddings(USER_IDS, text, train, select="random", embedding_size=SIZE, seed=seed).items
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])
    longer = initial_embeddings(
        USER_IDS, text, train, select="whiten", embedding_size=SIZE, options={"norm": 9.0}
    ).items[~text.missing]
    assert np.sqrt((longer**2).sum(axis=1).mean()) == pytest.approx(9, rel=1e-4)


def test_nobody_has_text(text: TextEmbeddings, train: csr_array) -> None:
    """With no text at all there is an error, not rows of NaN."""
    nothing = TextEmbeddings(text.ids, np.zeros_like(text.values), np.ones(N_ITEMS, dtype=bool))
    with pytest.raises(EmbeddingError, match="none of 30 items"):
        initial_embeddings(USER_IDS, nothing, train, select="uniform", embedding_size=SIZE)


def test_user_means_without_any_history() -> None:
    """Users without history all get the mean over all items."""
    items = np.arange(6, dtype=np.float32).reshape(3, 2)
    users, n_without = user_means(items, sp.csr_array((4, 3), dtype=np.float32))
    assert np.array_equal(users, np.tile([2.0, 3.0], (4, 1)))
    assert n_without == 4


def test_xavier_stays_within_its_bound_and_fills_it() -> None:
    """Xavier draws uniformly within +-sqrt(6 / (rows + d)), other numbers for another seed."""
    ids = pl.Series(np.arange(500)), pl.Series(np.arange(90))
    made = xavier_embeddings(*ids, 16, seed=5)
    for rows in (made.users, made.items):
        bound = np.sqrt(6 / (len(rows) + 16))
        assert np.abs(rows).max() <= bound * (1 + 1e-6)
        assert np.abs(rows).max() > 0.99 * bound
        assert rows.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
    assert np.array_equal(made.users, xavier_embeddings(*ids, 16, seed=5).users)
    assert not np.array_equal(made.users, xavier_embeddings(*ids, 16, seed=6).users)


def test_saved_files_load_elsewhere(tmp_path: Path, text: TextEmbeddings, train: csr_array) -> None:
    """numpy, safetensors and Parquet files hold the same rows in the order of the ids."""
    made = initial_embeddings(USER_IDS, text, train, select="whiten", embedding_size=SIZE)
    made.save(tmp_path / "new" / "out")
    folder = tmp_path / "new" / "out"
    tensors = load_file(folder / "embeddings.safetensors")
    for kind, ids, rows in (("user", USER_IDS, made.users), ("item", text.ids, made.items)):
        table = pl.read_parquet(folder / f"{kind}s.parquet")
        assert table[f"{kind}_id"].to_list() == ids.to_list()
        for loaded in (np.load(folder / f"{kind}s.npy"), tensors[f"{kind}s"], np.array(table["embedding"].to_list())):
            assert np.array_equal(loaded, rows)


def test_saving_again_replaces_and_failing_leaves_nothing(
    tmp_path: Path, text: TextEmbeddings, train: csr_array
) -> None:
    """A second save replaces the first; one that fails leaves nothing half-written."""
    made = initial_embeddings(USER_IDS, text, train, select="prefix", embedding_size=SIZE)
    made.save(tmp_path / "out")
    xavier_embeddings(USER_IDS, text.ids, SIZE, 0).save(tmp_path / "out")
    assert not np.array_equal(np.load(tmp_path / "out" / "items.npy"), made.items)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        made.save(tmp_path / "file" / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "out"]


def test_svd_is_the_spectrum_of_the_training_graph(train: csr_array, pairs: list[tuple[int, int]]) -> None:
    """Items have the leading right singular vectors of the normalised interactions; users the mean of their items."""
    item_ids = pl.Series(np.arange(N_ITEMS))
    made = svd_embeddings(USER_IDS, item_ids, train, SIZE, seed=0)
    dense = train.toarray().astype(np.float64)
    users, items = dense.sum(axis=1, keepdims=True), dense.sum(axis=0, keepdims=True)
    normalized = dense / np.sqrt(np.maximum(users, 1) * np.maximum(items, 1))
    _, _, vectors = np.linalg.svd(normalized)
    is_seen = items[0] > 0
    assert not is_seen.all()
    # Signs are arbitrary, so it is the products of rows that are compared.
    expected = vectors[:SIZE].T @ vectors[:SIZE]
    expected *= N_ITEMS / np.trace(expected)
    products = (made.items @ made.items.T)[is_seen][:, is_seen]
    oracles.assert_close(products, expected[is_seen][:, is_seen], 1e-4)
    unseen = np.broadcast_to(made.items[is_seen].mean(axis=0), (int((~is_seen).sum()), SIZE))
    oracles.assert_close(made.items[~is_seen], unseen, 1e-5)
    oracles.assert_close(made.users, oracles.mean_of_seen(made.items, pairs, N_USERS), 1e-5)
    assert made.users.dtype == made.items.dtype == np.float32
    assert (made.n_users_without_history, made.n_items_without_text, made.selection) == (1, 0, None)


def test_svd_does_not_depend_on_the_seed(train: csr_array) -> None:
    """The seed decides where the search begins, and not what is found."""
    ids = pl.Series(np.arange(N_ITEMS))
    first, second = (svd_embeddings(USER_IDS, ids, train, SIZE, seed) for seed in (0, 1))
    oracles.assert_close(first.items, second.items, 1e-4)


def test_svd_says_how_many_directions_there_are(train: csr_array) -> None:
    """A graph of 8 users, one of them without interactions, has fewer than 8 directions."""
    with pytest.raises(EmbeddingError, match=r"training graph of 8 users and 30 items has; the most here is \d"):
        svd_embeddings(USER_IDS, pl.Series(np.arange(N_ITEMS)), train, N_USERS, seed=0)
    nothing = csr_array(train.shape, dtype=np.float32)
    with pytest.raises(EmbeddingError, match="the most here is 0"):
        svd_embeddings(USER_IDS, pl.Series(np.arange(N_ITEMS)), nothing, 1, seed=0)

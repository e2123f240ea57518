"""The encoding cache and encoding through it."""

import multiprocessing
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fake_encoders import FakeEncoder, Notes, vector_of
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.arrays import AnyArray, FloatArray
from llminit.errors import DataError, EmbeddingError, StorageError
from llminit.text import EncodingCache, encode_items, encode_texts

TEXTS = [f"text number {number}" for number in range(40)]


def expected(texts: Sequence[str]) -> FloatArray:
    return np.array([vector_of(text) for text in texts])


def parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("part-*.safetensors"))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=5), min_size=1, max_size=30), st.integers(1, 7))
def test_results_come_in_order(texts: list[str], chunk_size: int) -> None:
    """Row i is the vector of text i whatever the chunks, and a text given twice is encoded once."""
    encoder = FakeEncoder()
    np.testing.assert_array_equal(encode_texts(texts, encoder, shard_size=chunk_size), expected(texts))
    assert sorted(encoder.encoded) == sorted(set(texts))


def test_second_run_encodes_nothing(tmp_path: Path) -> None:
    """What was encoded once is not encoded again, also by another encoder object of the same identity."""
    cache = EncodingCache(tmp_path)
    first = encode_texts(TEXTS, FakeEncoder(), cache, shard_size=7)
    again = FakeEncoder()
    np.testing.assert_array_equal(encode_texts(TEXTS[::-1], again, cache), first[::-1])
    assert again.encoded == []


def test_one_changed_text_encodes_one_text(tmp_path: Path) -> None:
    """After one text has changed, exactly that one is encoded."""
    cache, encoder, reporter = EncodingCache(tmp_path), FakeEncoder(), Notes()
    encode_texts(TEXTS, FakeEncoder(), cache)
    changed = [*TEXTS[:5], "changed", *TEXTS[6:]]
    np.testing.assert_array_equal(encode_texts(changed, encoder, cache, reporter), expected(changed))
    assert encoder.encoded == ["changed"]
    assert (reporter.total, reporter.done) == (1, 1)


def test_other_identity_shares_nothing(tmp_path: Path) -> None:
    """A new revision of an encoder finds nothing in the cache of the old one."""
    cache, newer = EncodingCache(tmp_path), FakeEncoder(revision=2)
    encode_texts(TEXTS, FakeEncoder(), cache)
    encode_texts(TEXTS, newer, cache)
    assert len(newer.encoded) == len(TEXTS)


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 64
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def break_header(path: Path) -> None:
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


def other_arrays(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"hashes": np.zeros((2, 3), np.uint8), "embeddings": np.zeros((1, 4), np.float32)}, path)


@pytest.mark.parametrize("damage", [flip_byte, truncate, empty, break_header, other_arrays])
def test_damaged_parts_are_noticed(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """A damaged part is reported and removed, and exactly its texts are encoded again."""
    cache, encoder, reporter = EncodingCache(tmp_path), FakeEncoder(), Notes()
    encode_texts(TEXTS, FakeEncoder(), cache, shard_size=10)
    victim = parts(tmp_path)[0]
    damage(victim)
    np.testing.assert_array_equal(encode_texts(TEXTS, encoder, cache, reporter), expected(TEXTS))
    assert len(encoder.encoded) == 10
    assert len(reporter.notes) == 1
    assert str(victim) in reporter.notes[0]
    encode_texts(TEXTS, encoder, cache, reporter)
    assert (len(encoder.encoded), len(reporter.notes)) == (10, 1)


def test_a_part_of_another_width_is_set_aside(tmp_path: Path) -> None:
    """Vectors of two widths are never mixed: the odd parts are removed, and a third width is an error."""
    cache, reporter = EncodingCache(tmp_path), Notes()
    encode_texts(TEXTS[:20], FakeEncoder(width=8), cache, shard_size=20)
    encode_texts(TEXTS[20:], FakeEncoder(width=5), cache, shard_size=20)
    with pytest.raises(EmbeddingError, match="clear the cache"):
        encode_texts([*TEXTS, "new"], FakeEncoder(width=3), cache, reporter)
    assert len(reporter.notes) == len(parts(tmp_path)) == 1


def test_parts_of_many_runs_are_found(tmp_path: Path) -> None:
    """However many runs have added parts, nothing that one of them encoded is encoded again."""
    cache = EncodingCache(tmp_path)
    texts = [f"t{number}" for number in range(60)]
    for end in range(1, len(texts) + 1):
        encoder = FakeEncoder()
        encode_texts(texts[:end], encoder, cache)
        assert encoder.encoded == [texts[end - 1]]
    again = FakeEncoder()
    np.testing.assert_array_equal(encode_texts(texts[::-1], again, cache), expected(texts[::-1]))
    assert again.encoded == []


def encode_some(folder: Path, start: int) -> None:
    encode_texts(
        [f"t{number}" for number in range(start, start + 90)], FakeEncoder(), EncodingCache(folder), shard_size=1
    )


def test_two_processes_share_a_cache(tmp_path: Path) -> None:
    """Processes that write at the same time lose nothing and fail nowhere."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=encode_some, args=(tmp_path, start)) for start in (0, 40, 80)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    encoder, reporter = FakeEncoder(), Notes()
    texts = [f"t{number}" for number in range(170)]
    np.testing.assert_array_equal(encode_texts(texts, encoder, EncodingCache(tmp_path), reporter), expected(texts))
    assert encoder.encoded == []
    assert reporter.notes == []


class BrokenEncoder(FakeEncoder):
    def __init__(self, answer: Callable[[FloatArray], AnyArray]) -> None:
        super().__init__()
        self.answer = answer

    def encode(self, texts: Sequence[str]) -> FloatArray:
        return self.answer(super().encode(texts))


def with_nan(values: FloatArray) -> FloatArray:
    values[0, 0] = np.nan
    return values


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (with_nan, r"NaN or infinite.*'text number 10'"),
        (lambda values: values[:-1], r"shape \(9, 8\) for 10 texts"),
        (lambda values: values[:, 0], r"shape \(10,\)"),
        (lambda values: values[:, :0], r"shape \(10, 0\)"),
    ],
)
def test_a_broken_encoder_is_not_cached(tmp_path: Path, answer: Callable[[FloatArray], AnyArray], message: str) -> None:
    """Vectors that cannot be used are an error and never reach the cache."""
    with pytest.raises(EmbeddingError, match=message):
        encode_texts(TEXTS, BrokenEncoder(answer), EncodingCache(tmp_path), shard_size=10)
    assert parts(tmp_path) == []


def test_changing_width_is_an_error() -> None:
    """An encoder whose width changes from chunk to chunk is stopped."""

    class Growing(FakeEncoder):
        def encode(self, texts: Sequence[str]) -> FloatArray:
            self.width += 1
            return super().encode(texts)

    with pytest.raises(EmbeddingError, match="width 10 after vectors of width 9"):
        encode_texts(TEXTS, Growing(), shard_size=10)


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    """A cache folder that cannot be made is a storage error, raised before anything is encoded."""
    (tmp_path / "file").write_text("in the way")
    encoder = FakeEncoder()
    with pytest.raises(StorageError):
        encode_texts(TEXTS, encoder, EncodingCache(tmp_path / "file"))
    assert encoder.encoded == []


def test_no_texts() -> None:
    """No texts give an empty array and never reach the encoder."""
    encoder = FakeEncoder()
    assert encode_texts([], encoder).shape == (0, 0)
    assert encoder.encoded == []


def test_items_without_text_are_marked() -> None:
    """Items come in the order of the table; those without text are marked, zero, counted and not encoded."""
    table = pl.DataFrame({"item_id": [3, 1, 2], "title": ["c", None, "b"]})
    encoder, reporter = FakeEncoder(), Notes()
    found = encode_items(table, None, encoder, reporter=reporter)
    assert found.ids.to_list() == [3, 1, 2]
    assert found.missing.tolist() == [False, True, False]
    np.testing.assert_array_equal(found.values, [vector_of("c"), np.zeros(8), vector_of("b")])
    assert reporter.notes == ["1 of 3 items have no text"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"item_id": ["a", "b"], "title": [None, " "]}, "none of the 2 items has text"),
        ({"item_id": ["a", "a"], "title": ["x", "y"]}, r"more than once.*'a'"),
        ({"item_id": ["a", None], "title": ["x", "y"]}, "no item_id"),
        ({"id": ["a"], "title": ["x"]}, "no column 'item_id'"),
        ({"item_id": [], "title": []}, "empty"),
    ],
)
def test_item_tables_that_cannot_be_encoded(table: dict[str, list[str | None]], message: str) -> None:
    """An item table without text, ids or rows is an error that says so."""
    frame = pl.DataFrame(table, schema=dict.fromkeys(table, pl.String))
    with pytest.raises(DataError, match=message):
        encode_items(frame, "{title}", FakeEncoder())

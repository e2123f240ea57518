"""Shards, and what encodes them: this process or worker processes, killed, disturbed and started again."""

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import stub_encoder
from fake_encoders import FakeEncoder, Notes
from hypothesis import given, settings
from hypothesis import strategies as st
from stub_encoder import StubEncoder, StubOptions, logged

from llminit.arrays import FloatArray
from llminit.errors import ConfigError, DataError, EmbeddingError, LLMInitError, StorageError
from llminit.text import ENCODERS, HERE, EncodingCache, Engine, encode_texts
from llminit.text.catalogue import read_catalogue
from llminit.text.stream import encode_stream

TEXTS = [f"{number} {'long ' * (number % 7)}text" for number in range(150)]
WITH_TWINS = [*TEXTS, *TEXTS[::3]]
SHARD = 16
TWO = Engine("local", 2)


def encoded(cache: Path, engine: Engine = HERE, texts: list[str] = WITH_TWINS, **options: object) -> FloatArray:
    encoder = StubEncoder(StubOptions.make(log=str(cache.with_suffix(".log")), **options))
    return encode_texts(texts, encoder, EncodingCache(cache), shard_size=SHARD, engine=engine)


def texts_of(cache: Path) -> list[str]:
    return [text for _, text in logged(cache.with_suffix(".log"))]


def parts(cache: Path) -> list[Path]:
    return sorted(cache.rglob("part-*.safetensors"))


@pytest.fixture(scope="module", autouse=True)
def known_stub() -> Iterator[None]:
    """Let the stub be opened by its name while this module's tests run."""
    stub_encoder.register()
    yield
    ENCODERS.remove("stub")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> FloatArray:
    """The vectors of a run in one process that nothing disturbed."""
    return encoded(tmp_path_factory.mktemp("undisturbed") / "cache")


def test_the_stub_minds_its_neighbours(undisturbed: FloatArray, tmp_path: Path) -> None:
    """Other shards give other vectors, so the tests below can tell whether shards were the same."""
    encoder = StubEncoder(StubOptions())
    assert not np.array_equal(encode_texts(WITH_TWINS, encoder, shard_size=SHARD + 1), undisturbed)
    np.testing.assert_array_equal(encode_texts(WITH_TWINS, encoder, shard_size=SHARD), undisturbed)


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_change_nothing(undisturbed: FloatArray, tmp_path: Path, workers: int) -> None:
    """Any number of workers gives the same bytes, encodes each distinct text once, and a second run nothing."""
    cache = tmp_path / "cache"
    found = encoded(cache, Engine("local", workers))
    assert found.tobytes() == undisturbed.tobytes()
    assert Counter(texts_of(cache)) == Counter(TEXTS)
    assert os.getpid() not in {process for process, _ in logged(cache.with_suffix(".log"))}
    assert encoded(cache, Engine("local", workers)).tobytes() == undisturbed.tobytes()
    assert len(texts_of(cache)) == len(TEXTS)


def test_a_killed_worker(undisturbed: FloatArray, tmp_path: Path) -> None:
    """A worker that is killed ends the run, which says so; the same call goes on, to the same bytes."""
    cache = tmp_path / "cache"

    def kill() -> None:
        while len(found := logged(cache.with_suffix(".log"))) < 5 * SHARD:
            time.sleep(0.005)
        os.kill(found[-1][0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(LLMInitError, match=r"exit code -9.*kept: the same command goes on"):
        encoded(cache, TWO, seconds=0.01)
    killer.join()
    n_kept = len(parts(cache)) * SHARD
    assert 0 < n_kept < len(TEXTS)
    before = len(texts_of(cache))
    assert encoded(cache, TWO).tobytes() == undisturbed.tobytes()
    assert len(texts_of(cache)) - before == len(TEXTS) - n_kept


def encode_slowly(cache: Path, workers: int) -> None:
    stub_encoder.register()
    encoded(cache, Engine("local", workers), seconds=0.005)


def test_a_killed_run_leaves_no_worker_behind(undisturbed: FloatArray, tmp_path: Path) -> None:
    """Where the whole run is killed, its workers end with it, and a run without workers goes on to the same bytes."""
    cache = tmp_path / "cache"
    run = multiprocessing.get_context("spawn").Process(target=encode_slowly, args=(cache, 2))
    run.start()
    while len(texts_of(cache)) < 4 * SHARD:
        time.sleep(0.005)
    run.kill()
    run.join()
    before = texts_of(cache)
    n_kept = len(parts(cache)) * SHARD
    assert n_kept < len(TEXTS)
    assert encoded(cache).tobytes() == undisturbed.tobytes()
    own = [text for process, text in logged(cache.with_suffix(".log"))[len(before) :] if process == os.getpid()]
    assert len(own) == len(texts_of(cache)) - len(before) <= len(TEXTS) - n_kept


def test_two_runs_at_a_time_share_the_work(undisturbed: FloatArray, tmp_path: Path) -> None:
    """Two processes with the same texts and folder encode every text once between them, to the same bytes."""
    cache = tmp_path / "cache"
    context = multiprocessing.get_context("spawn")
    runs = [context.Process(target=encode_slowly, args=(cache, workers)) for workers in (1, 2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert [run.exitcode for run in runs] == [0, 0]
    assert encoded(cache).tobytes() == undisturbed.tobytes()
    assert Counter(texts_of(cache)) == Counter(TEXTS)


def remove(part: Path, other: Path) -> None:
    part.unlink()


def cut_short(part: Path, other: Path) -> None:
    part.write_bytes(part.read_bytes()[:-9])


def change_a_byte(part: Path, other: Path) -> None:
    content = bytearray(part.read_bytes())
    content[-SHARD * 16 - 2] ^= 1
    part.write_bytes(content)


def give_other_texts(part: Path, other: Path) -> None:
    shutil.copy(other, part)


def give_other_encoder(part: Path, other: Path) -> None:
    """Put a whole part there that another encoder wrote."""
    cache = part.parent.parent / "elsewhere"
    encoded(cache, width=7)
    shutil.copy(parts(cache)[0], part)


@pytest.mark.parametrize(
    ("damage", "engine"),
    [
        *((damage, Engine()) for damage in (remove, cut_short, change_a_byte, give_other_texts, give_other_encoder)),
        (change_a_byte, TWO),
    ],
)
def test_damaged_shards(
    undisturbed: FloatArray, tmp_path: Path, damage: Callable[[Path, Path], None], engine: Engine
) -> None:
    """A shard that is missing, damaged or not its own is said and encoded again, alone, to the same bytes."""
    cache, reporter = tmp_path / "cache", Notes()
    encoded(cache)
    part, other = parts(cache)[:2]
    damage(part, other)
    before, encoder = len(texts_of(cache)), StubEncoder(StubOptions(log=str(cache.with_suffix(".log"))))
    again = encode_texts(WITH_TWINS, encoder, EncodingCache(cache), reporter, SHARD, engine)
    assert again.tobytes() == undisturbed.tobytes()
    assert len(texts_of(cache)) - before == SHARD
    assert len(reporter.notes) == (damage is not remove)
    assert all(str(part) in note for note in reporter.notes)


def test_a_part_of_another_encoder_says_so(tmp_path: Path) -> None:
    """What another encoder wrote is called that."""
    cache, reporter = tmp_path / "cache", Notes()
    encoded(cache)
    give_other_encoder(parts(cache)[0], parts(cache)[1])
    encode_texts(WITH_TWINS, StubEncoder(StubOptions()), EncodingCache(cache), reporter, SHARD)
    assert "from another encoder" in reporter.notes[0]


def test_a_lost_record_of_the_catalogue(undisturbed: FloatArray, tmp_path: Path) -> None:
    """Without the file that says which parts were there before, what was encoded is found and nothing is encoded."""
    cache = tmp_path / "cache"
    encoded(cache)
    for record in cache.rglob("catalogue-*.json"):
        record.write_text("{")
    assert encoded(cache).tobytes() == undisturbed.tobytes()
    assert len(texts_of(cache)) == len(TEXTS)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=4), min_size=1, max_size=40), st.data())
def test_killed_anywhere(tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject) -> None:
    """Whichever parts a first run has left, in a folder where others were before, the vectors are the same bytes."""
    cache = EncodingCache(tmp_path_factory.mktemp("cache"))
    encoder = StubEncoder(StubOptions())
    encode_texts(data.draw(st.lists(st.sampled_from(texts), min_size=1)), encoder, cache, shard_size=3)
    before = {path.name for path in parts(cache.folder)}
    whole = encode_texts(texts, encoder, cache, shard_size=3)
    own = [path for path in parts(cache.folder) if path.name not in before]
    for path in data.draw(st.lists(st.sampled_from(own), unique=True)) if own else []:
        path.unlink()
    assert encode_texts(texts, encoder, cache, shard_size=3).tobytes() == whole.tobytes()


def test_more_items_encode_only_what_is_new(tmp_path: Path) -> None:
    """A catalogue that has grown at its beginning and was shuffled encodes what is new; the rest keeps its bytes."""
    cache = tmp_path / "cache"
    first = encoded(cache, texts=TEXTS)
    order = np.random.default_rng(1).permutation(len(TEXTS))
    grown = ["new", *(TEXTS[row] for row in order)]
    assert encoded(cache, TWO, grown)[1:].tobytes() == first[order].tobytes()
    assert texts_of(cache)[len(TEXTS) :] == ["new"]


def test_engines_that_cannot_be(tmp_path: Path) -> None:
    """An unknown engine, no workers, workers without a cache and encoders that cannot travel are refused."""
    with pytest.raises(ConfigError, match="choose one of: local, ray"):
        Engine("spark")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="at least 1"):
        Engine("local", 0)
    with pytest.raises(ConfigError, match="give its folder"):
        encode_texts(TEXTS, StubEncoder(StubOptions()), engine=TWO)
    with pytest.raises(ConfigError, match="cannot be opened by other processes"):
        encode_texts(TEXTS, FakeEncoder(), EncodingCache(tmp_path), engine=TWO, shard_size=SHARD)
    ENCODERS.register(lambda: FakeEncoder(), name="fake")
    with pytest.raises(ConfigError, match="at the top of a module"):
        encode_texts(TEXTS, FakeEncoder(), EncodingCache(tmp_path), engine=TWO, shard_size=SHARD)
    ENCODERS.remove("fake")


def test_workers_that_open_another_encoder(tmp_path: Path) -> None:
    """A worker that finds other files of the model, or other versions, encodes nothing."""
    cache = tmp_path / "cache"
    with pytest.raises(EmbeddingError, match="found another encoder"):
        encoded(cache, TWO, is_same_everywhere=False)
    assert texts_of(cache) == []


def test_errors_of_workers(tmp_path: Path) -> None:
    """What fails in a worker ends the run with its message."""
    cache = tmp_path / "cache"
    with pytest.raises(EmbeddingError, match="No such file"):
        encode_texts(
            TEXTS, StubEncoder(StubOptions(log=str(tmp_path / "no" / "log"))), EncodingCache(cache), engine=TWO
        )


def test_a_table_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """Texts that are others in the second pass are refused, and nothing of them is kept."""
    encoder = FakeEncoder()
    section = EncodingCache(tmp_path).section(encoder.identity())
    with pytest.raises(DataError, match="changed while it was read"):
        encode_stream(read_catalogue(lambda: [TEXTS]), lambda: [TEXTS[::-1]], encoder, section, Engine(), Notes(), 50)
    assert parts(tmp_path) == []


def test_too_little_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too small a disk is said before anything is encoded, with what is needed and what is free."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**6))
    encoder = FakeEncoder()
    with pytest.raises(StorageError, match=r"need 0\.1 GB on the disk of .*where 0\.0 GB are free"):
        encode_texts(TEXTS, encoder, EncodingCache(tmp_path))
    assert encoder.encoded == []

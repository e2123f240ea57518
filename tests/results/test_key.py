"""Keys of cells and their names."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.errors import ConfigError
from llminit.results import CellKey, Method, distinct_labels

encoders = st.one_of(
    st.none(), st.sampled_from(["minilm", "MiniLM", "st:a/b", "st-a-b", "st:a:b", "ü", "日本", "../x"])
)
keys = st.builds(
    CellKey,
    model=st.sampled_from(["ease", "lightgcn", "item-knn"]),
    init=st.sampled_from([None, "xavier", "variance", "variance/shuffled", "variance/noise"]),
    encoder=encoders,
    embedding_size=st.sampled_from([None, 1, 128]),
    train_share=st.sampled_from([1.0, 0.5, 0.25]),
    max_history=st.sampled_from([None, 1, 4]),
    seed=st.integers(0, 12),
)


@given(keys, keys)
@settings(max_examples=50, deadline=None)
def test_names_are_unique_and_safe(one: CellKey, other: CellKey) -> None:
    """Two keys share a file name only if they are equal, ignoring case, and no name leaves its folder."""
    assert (one.name.lower() == other.name.lower()) == (one == other)
    assert re.fullmatch(r"[a-z0-9][a-z0-9._+-]*", one.name)
    assert (one.method.name == other.method.name) == (one.method == other.method)


def test_long_and_odd_encoders_stay_short() -> None:
    """A long path as an encoder gives a name that file systems take, and two long ones stay apart."""
    names = {CellKey(model="m", init="pca", encoder="st:" + "a" * 400 + end, embedding_size=8).name for end in "xy"}
    assert len(names) == 2
    assert max(map(len, names)) < 200


@pytest.mark.parametrize(
    ("init", "kind", "control", "label"),
    [
        (None, "baseline", None, "lightgcn"),
        ("xavier", "backbone", None, "lightgcn + xavier"),
        ("variance/noise", "control", "noise", "lightgcn + variance/noise"),
    ],
)
def test_kinds_and_labels(init: str | None, kind: str, control: str | None, label: str) -> None:
    """A key knows whether it is a baseline, a backbone or a control, and has a short label."""
    key = CellKey(model="lightgcn", init=init, embedding_size=8, seed=3)
    assert (key.kind, key.control, key.label) == (kind, control, label)
    assert key.method == Method(model="lightgcn", init=init, embedding_size=8)
    assert key.method == CellKey(model="lightgcn", init=init, embedding_size=8, seed=4).method


def test_distinct_labels() -> None:
    """Labels name encoder and size only where they differ, and always the sparsity; no two are equal."""
    plain = Method(model="sgl", init="pca", encoder="a", embedding_size=8)
    xavier = Method(model="sgl", init="xavier", embedding_size=8)
    assert list(distinct_labels([plain, xavier]).values()) == ["sgl + pca", "sgl + xavier"]
    wide, other = plain.model_copy(update={"embedding_size": 16}), plain.model_copy(update={"encoder": "b"})
    thin = plain.model_copy(update={"train_share": 0.5, "max_history": 2})
    labels = distinct_labels([plain, wide, other, thin, xavier])
    assert labels[thin] == "sgl + pca (a, d=8, 50% of training, history of 2)"
    assert labels[xavier] == "sgl + xavier (d=8)"
    assert len(set(labels.values())) == 5


def test_impossible_keys() -> None:
    """A share or a history that keeps nothing is refused."""
    for wrong in ({"train_share": 0}, {"max_history": 0}, {"seed": -1}, {"share": 1}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            CellKey.make(model="ease", **wrong)


@given(
    model=st.text(min_size=1, max_size=300),
    init=st.none() | st.text(min_size=1, max_size=300),
    encoder=st.none() | st.text(max_size=300),
    seed=st.integers(0, 10**9),
)
def test_names_fit_in_a_file_system(model: str, init: str | None, encoder: str | None, seed: int) -> None:
    """However long the names of parts and files are, those of the temporary files of a cell have at most 255 bytes."""
    key = CellKey(model=model, init=init, encoder=encoder, embedding_size=128, train_share=0.123456, seed=seed)
    for name in (key.name, key.method.name):
        longest = f".{name}.checkpoint.12345678.partial.safetensors"
        assert len(longest.encode()) <= 255


def test_long_names_stay_apart() -> None:
    """Names that are equal as far as they are kept are told apart by their digests, and short ones are not changed."""
    keys = [
        CellKey(model="m" * 250 + end, init="pca", encoder="e" * 100, embedding_size=8, seed=seed)
        for end in ("a", "b")
        for seed in (0, 1)
    ]
    assert len({key.name for key in keys}) == 4
    assert all(key.name.startswith("mmm") for key in keys)
    assert CellKey(model="m" * 100, init="pca", embedding_size=8).name == "m" * 100 + "_pca_d8_seed-0"

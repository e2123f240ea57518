"""Parts that are passed instead of named."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import llminit
from llminit.arrays import FloatArray
from llminit.errors import ConfigError
from llminit.models import BACKBONES, BASELINES, Baseline, BaselineInput, LinearItemModel
from llminit.models.backbones.mf import MatrixFactorization
from llminit.pipeline.inputs import opened_encoder
from llminit.pipeline.parts import foreign_parts, import_parts, is_importable, named_parts
from llminit.progress import SILENT, Task
from llminit.selectors import SELECTORS, Selection, SelectorInput
from llminit.text import ENCODERS
from planted import SMALL, plant

WORLD = plant()
PAIR = (WORLD.embeddings["item_id"], WORLD.embeddings["embedding"].to_numpy())


class Doubled(MatrixFactorization):
    """A backbone at the top of a module."""

    name: ClassVar[str] = "doubled"


class Equal(Baseline):
    """A baseline that finds all items alike."""

    name: ClassVar[str] = "equal"

    def learn(self, data: BaselineInput) -> LinearItemModel:
        n_items = data.train.shape[1]
        return LinearItemModel(data.train, np.ones((n_items, n_items), dtype=np.float32))


def leading(data: SelectorInput, *, skip: int = 0) -> Selection:
    """Choose columns from the first one on."""
    return Selection(dims=np.arange(skip, skip + data.embedding_size))


class Lengths:
    """An encoder's class."""

    name = "lengths"

    def identity(self) -> dict[str, str]:
        return {"encoder": "lengths"}

    def encode(self, texts: Sequence[str]) -> FloatArray:
        return np.array([[len(text), 1] for text in texts], dtype=np.float32).reshape(-1, 2)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Nothing that a test registers is left."""
    yield
    for registry, names in (
        (BACKBONES, ["doubled", "local"]),
        (BASELINES, ["equal"]),
        (SELECTORS, ["leading"]),
        (ENCODERS, ["lengths"]),
    ):
        for name in names:
            registry.remove(name)


def test_fit_takes_classes() -> None:
    """`fit` takes a backbone's class and a selector's function, and its report has their names."""
    recommender = llminit.fit(
        WORLD.interactions,
        embeddings=PAIR,
        **SMALL | {"backbone": Doubled, "init": leading, "init_options": {"skip": 1}},
    )
    assert recommender.report["config"]["backbone"] == "doubled"
    assert recommender.report["config"]["init"] == "leading"
    initial = llminit.initialize(WORLD.interactions, embeddings=PAIR, select=leading, embedding_size=4)
    assert initial.embedding_size == 4


def test_an_encoder_may_be_its_class() -> None:
    """An encoder is a SPEC, an object, or the class that makes one."""
    assert opened_encoder(Lengths).name == opened_encoder(Lengths()).name == "lengths"
    with pytest.raises(ConfigError, match="opens no encoder"):
        opened_encoder(7)


class Listener:
    """A reporter that keeps notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def task(self, name: str, total: int, done: int = 0) -> AbstractContextManager[Task]:
        return SILENT.task(name, total, done)


@pytest.mark.parametrize("workers", [0, 1])
def test_compare_takes_classes(tmp_path: Path, workers: int) -> None:
    """`compare` runs classes of a module beside named ones, in this process and in workers."""
    options: dict[str, Any] = {
        "backbones": [Doubled, "mf"],
        "baselines": [Equal],
        "inits": ["xavier", leading],
        "seeds": 1,
    }
    folder = llminit.compare(
        WORLD.interactions,
        embeddings=PAIR,
        out=tmp_path / "r",
        workers=workers,
        embedding_sizes=4,
        epochs=1,
        **options,
    )
    assert not folder.failures()
    assert {cell.key.label for cell in folder.cells()} == {
        *(f"{model} + {init}" for model in ("doubled", "mf") for init in ("xavier", "leading")),
        "equal",
    }


def test_a_local_class_is_run_in_this_process(tmp_path: Path) -> None:
    """A class inside a function cannot be imported by workers: its cells run here, and a note says so."""

    class Local(MatrixFactorization):
        name: ClassVar[str] = "local"

    listener = Listener()
    folder = llminit.compare(
        WORLD.interactions,
        out=tmp_path / "r",
        workers=2,
        backbones=[Local],
        baselines="none",
        inits="xavier",
        seeds=1,
        epochs=1,
        embedding_sizes=4,
        reporter=listener,
    )
    assert not folder.failures()
    assert any("no other process can import it" in note for note in listener.notes)


def test_where_workers_find_parts() -> None:
    """Built-in parts need no import; others are named with their module, and importing them registers them."""
    named = named_parts({"backbones": ["mf", Doubled], "inits": ["pca", leading]})
    assert named == {"backbones": ["mf", "doubled"], "inits": ["pca", "leading"]}
    pairs = [(option, name) for option, names in named.items() for name in names]
    found = foreign_parts(pairs)
    assert found == [("backbones", f"{__name__}:Doubled"), ("inits", f"{__name__}:leading")]
    assert all(is_importable(*part) for part in found)
    assert not is_importable("backbones", "__main__:X")
    assert not is_importable("backbones", "no_such_module:X")
    BACKBONES.remove("doubled")
    import_parts(found)
    assert BACKBONES["doubled"] is Doubled


def test_a_name_that_is_taken_is_refused() -> None:
    """Passing a class whose name another part has is an error that names both."""
    taken = type("MF", (MatrixFactorization,), {"name": "lightgcn"})
    with pytest.raises(ConfigError, match=r"the name 'lightgcn' of .*:MF is taken by the backbone llminit\.models"):
        llminit.fit(WORLD.interactions, embeddings=PAIR, backbone=taken)

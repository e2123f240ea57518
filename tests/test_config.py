"""Configurations: frozen, checked, and the same in Python and TOML."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from llminit import FitConfig, InitializeConfig
from llminit.config import ColumnNames, CompareConfig, Config, FilterConfig, SplitConfig, TrainingConfig
from llminit.errors import ConfigError

ALL = [ColumnNames, FilterConfig, SplitConfig, TrainingConfig, FitConfig, InitializeConfig]


@pytest.mark.parametrize("kind", ALL)
def test_defaults_survive_toml(kind: type[Config], tmp_path: Path) -> None:
    """A configuration written to TOML and read again is equal."""
    kind().to_toml(tmp_path / "c.toml")
    assert kind.from_toml(tmp_path / "c.toml") == kind()


@given(
    st.builds(
        FitConfig,
        embedding_size=st.integers(1, 10**6),
        learning_rate=st.floats(1e-12, 1e3),
        min_rating=st.none() | st.floats(-1e9, 1e9),
        text=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
        init_options=st.dictionaries(st.text("abc_", min_size=1), st.integers() | st.booleans() | st.text("xyz\"'\\")),
    )
)
@settings(max_examples=50, deadline=None)
def test_any_value_survives_toml(tmp_path_factory: pytest.TempPathFactory, config: FitConfig) -> None:
    """Numbers, texts of any letters and options of parts come back from TOML as they were."""
    path = tmp_path_factory.mktemp("toml") / "c.toml"
    config.to_toml(path)
    assert FitConfig.from_toml(path) == config


@pytest.mark.parametrize("kind", ALL)
def test_frozen_and_documented(kind: type[Config]) -> None:
    """No field can be set afterwards, and each has its line of documentation."""
    config = kind()
    for name, field in kind.model_fields.items():
        assert field.description, name
        with pytest.raises(ValidationError):
            setattr(config, name, getattr(config, name))


@pytest.mark.parametrize("kind", ALL)
def test_unknown_options_are_named(kind: type[Config]) -> None:
    """An unknown option is a ConfigError with its name and those that there are."""
    with pytest.raises(ConfigError, match="unknown option 'sample_strategy'") as caught:
        kind.make(sample_strategy=1)
    assert all(name in str(caught.value) for name in kind.model_fields)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding_size": 0}, "embedding_size=0"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"learning_rate": 0}, "learning_rate=0"),
        ({"epochs": -1}, "epochs=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"k_core": 0}, "k_core=0"),
        ({"min_rating": "high"}, "min_rating='high'"),
        ({"split": "magic"}, "temporal-loo"),
        ({"valid_protocol": "mine"}, "'paper'"),
        ({"valid_share": 0.6, "test_share": 0.4}, "no training data"),
        ({"seed": -1, "epochs": -1}, "epochs=-1.*; seed=-1"),
    ],
)
def test_bad_values_are_named(options: dict[str, Any], message: str) -> None:
    """Each value that cannot be used is in the message, with what was found."""
    with pytest.raises(ConfigError, match=message):
        FitConfig.make(**options)


def test_a_bad_value_in_a_list_is_named() -> None:
    """For a list the message shows the bad element, not its position."""
    with pytest.raises(ConfigError, match=r"^embedding_sizes='a' cannot be used"):
        CompareConfig.make(embedding_sizes="16,a")


@pytest.mark.parametrize("content", [b"epochs = ", b"\xff\xfe", None])
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """A missing, binary or malformed file is a ConfigError with its path."""
    path = tmp_path / "c.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"c\.toml"):
        FitConfig.from_toml(path)


def test_parts_of_a_fit() -> None:
    """The parts that the stages take have the values of the whole."""
    config = FitConfig(split="ratio", test_share=0.3, epochs=7, k_core=5, min_rating=4, item_column="asin")
    assert config.splitting == SplitConfig(kind="ratio", test_share=0.3)
    assert config.training == TrainingConfig(epochs=7)
    assert config.filters == FilterConfig(min_rating=4, k_core=5)
    assert config.columns == ColumnNames(item_id="asin")


def test_the_defaults_are_the_papers() -> None:
    """Without options, training is as the paper describes it, stopped by the honest protocol."""
    config = FitConfig()
    assert (config.embedding_size, config.train_batch_size) == (128, 256)
    assert (config.learning_rate, config.epochs) == (1e-3, 300)
    assert (config.valid_metric, config.valid_protocol, config.patience) == ("ndcg@10", "standard", 10)

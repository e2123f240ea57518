"""The cells that options ask for."""

from pathlib import Path
from typing import Any

import pytest

from llminit.comparison.grid import check_grid, check_sizes, grid_cells, without_order
from llminit.comparison.options import part_options
from llminit.config import CompareConfig
from llminit.errors import ConfigError
from llminit.results import CellKey

WIDTHS = {"minilm": 384, "mpnet": 768}


def cells(widths: dict[str, int] = WIDTHS, **options: Any) -> list[CellKey]:
    config = CompareConfig.make(**{"baselines": "none", "seeds": 1, **options})
    check_grid(config)
    check_sizes(config, widths)
    return grid_cells(config, widths)


def names(**options: Any) -> list[str]:
    return [cell.name for cell in cells(**options)]


def test_every_combination_once() -> None:
    """Backbones x inits x encoders x sizes x seeds, xavier and svd without encoders, each once."""
    found = cells(backbones="mf,lightgcn,mf", inits="xavier,svd,pca,uniform", embedding_sizes="8,16", seeds=2)
    assert len(found) == len(set(found)) == 2 * 2 * (2 + 2 + 2 * 2 * 2)
    assert {cell.encoder for cell in found if cell.init in ("xavier", "svd")} == {None}
    assert {cell.encoder for cell in found if cell.init == "pca"} == set(WIDTHS)


def test_seed_by_seed_and_cheap_ones_first() -> None:
    """All of a seed comes before the next one, and in it baselines, then mf, lightgcn, sgcl and sgl."""
    found = cells(backbones="sgl,sgcl,lightgcn,mf", inits="xavier", baselines="ease,popularity", seeds=2, first_seed=3)
    models = ["popularity", "ease", "mf", "lightgcn", "sgcl", "sgl"]
    assert [(cell.seed, cell.model) for cell in found] == [(seed, model) for seed in (3, 4) for model in models]


def test_fewer_seeds_of_one_backbone() -> None:
    """sgl:2 runs sgl for the first two seeds."""
    found = cells(backbones="mf,sgl:2", inits="xavier", seeds=3, first_seed=5)
    assert [cell.seed for cell in found if cell.model == "sgl"] == [5, 6]
    assert [cell.seed for cell in found if cell.model == "mf"] == [5, 6, 7]


def test_controls_are_of_the_first_text_init_by_default() -> None:
    """Controls are made of the first init of text, or of those that are named."""
    one = {"minilm": 384}
    found = cells(one, inits="xavier,variance,pca", controls="shuffled,untrained")
    assert [cell.init for cell in found][-2:] == ["variance/shuffled", "variance/untrained"]
    found = cells(one, inits="xavier,variance,pca", controls="noise", control_init="pca,variance")
    assert {cell.init for cell in found if cell.control} == {"pca/noise", "variance/noise"}


def test_full_takes_the_encoders_width_and_narrow_encoders_are_left_out() -> None:
    """`full` keeps all columns whatever the size; encoders that are narrower than a size have no cell for it."""
    found = cells(inits="xavier,full,pca", embedding_sizes="64,512")
    by_init = {
        init: sorted({(c.encoder, c.embedding_size) for c in found if c.init == init}) for init in ("full", "pca")
    }
    assert by_init["full"] == [("minilm", 384), ("mpnet", 768)]
    assert by_init["pca"] == [("minilm", 64), ("mpnet", 64), ("mpnet", 512)]
    assert {c.embedding_size for c in found if c.init == "xavier"} == {64, 512}
    with pytest.raises(ConfigError, match="1024 exceeds the text embeddings' 768"):
        cells(inits="pca", embedding_sizes="64,1024")


def test_sparsity_is_an_axis() -> None:
    """Every share is combined with every history, for baselines too."""
    found = cells(backbones="mf", inits="xavier", baselines="ease", train_share="1,0.5", max_history="all,2")
    expected = {(share, history) for share in (1.0, 0.5) for history in (None, 2)}
    for model in ("mf", "ease"):
        assert {(cell.train_share, cell.max_history) for cell in found if cell.model == model} == expected
    assert len(found) == 8


def test_text_only_runs_for_each_encoder_and_not_without() -> None:
    """The baseline that needs text has one cell for each encoder, and none without text."""
    assert [cell.encoder for cell in cells(backbones="", baselines="text-only")] == list(WIDTHS)
    everything = [cell.model for cell in cells({}, backbones="", baselines="all")]
    assert "text-only" not in everything
    assert "ease" in everything


def test_a_baseline_of_the_order_is_left_out_without_one() -> None:
    """Of all baselines, the one that would be another's double; a named one stays."""
    found = {asked: without_order(CompareConfig.make(baselines=asked)).baselines for asked in ("all", "l3ae-windows")}
    assert "l3ae-windows" not in found["all"]
    assert {"l3ae", "ease", "popularity"} < set(found["all"])
    assert found["l3ae-windows"] == ("l3ae-windows",)
    both = CompareConfig.make(baselines="all,l3ae-windows")
    assert "l3ae-windows" in without_order(both).baselines


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backbones": "lightgcn,nope"}, ["'nope'", "lightgcn", "sgl"]),
        ({"inits": "xavier,nope"}, ["'nope'", "xavier", "whiten"]),
        ({"baselines": "nope"}, ["'nope'", "ease", "text-only"]),
        ({"controls": "nope"}, ["'nope'", "shuffled", "noise", "untrained"]),
        ({"control_init": "pca", "inits": "xavier,variance", "controls": "noise"}, ["'pca'", "variance"]),
        ({"control_init": "variance", "inits": "xavier,variance"}, ["control_init=variance", "add controls"]),
        ({"inits": "xavier,svd", "controls": "noise"}, ["none is compared", "add one to inits"]),
        ({"backbones": "sgl:0"}, ["sgl:0", "sgl:3"]),
        ({"backbones": "sgl:x"}, ["sgl:x"]),
        ({"backbones": ""}, ["nothing to compare"]),
        ({"ks": "10,2000"}, ["2000", "1000"]),
        ({"valid_metric": "nope@10"}, ["nope@10", "ndcg"]),
        ({"embedding_sizes": "0"}, ["embedding_sizes"]),
        ({"train_share": "0"}, ["train_share"]),
        ({"train_share": "1.5"}, ["train_share"]),
        ({"max_history": "some"}, ["max_history"]),
        ({"seeds": 0}, ["seeds"]),
        ({"backbones": "lightgcn", "backbone_options": {"n_layer": 3}}, ["n_layer", "n_layers"]),
        ({"backbone_options": {"sgl.n_layers": 3}}, ["'sgl'", "softmax"]),
        ({"init_options": {"variance.norm": 3}}, ["norm", "share"]),
        ({"baselines": "ease", "baseline_options": {"ease.l3": 3}}, ["l3", "l2"]),
        ({"backbones": "lightgcn", "backbone_options": {"n_layers": "two"}}, ["'lightgcn'", "n_layers='two'"]),
        ({"backbones": "mf,sgl", "backbone_options": {"sgl.n_layers": -3}}, ["'sgl'", "n_layers=-3"]),
        ({"init_options": {"variance.share": 5}}, ["share=5", "(0, 1]"]),
        ({"init_options": {"variance.share": "big"}}, ["'variance'", "share='big'"]),
        ({"init_options": {"whiten.norm": -1}}, ["norm=-1", "positive"]),
        ({"baselines": "ease", "baseline_options": {"ease.l2": -1}}, ["'ease'", "l2=-1"]),
        ({"baselines": "all", "baseline_options": {"item_knn.k": 0}}, ["'item-knn'", "k=0"]),
    ],
)
def test_unknown_names_and_impossible_values_are_refused(options: dict[str, Any], words: list[str]) -> None:
    """An unknown name or an impossible value is refused, and the message lists what there is."""
    with pytest.raises(ConfigError) as error:
        cells(**options)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {"backbones": ""},
        {"inits": ""},
        {"inits": "xavier", "embedding_sizes": ""},
        {"backbones": "", "baselines": "ease", "train_share": ""},
    ],
)
def test_an_empty_grid_is_refused_before_there_are_widths(options: dict[str, Any]) -> None:
    """A grid without a cell is refused by the check of the options alone, before text embeddings are loaded."""
    with pytest.raises(ConfigError, match="nothing to compare"):
        check_grid(CompareConfig.make(**{"baselines": "none", **options}))


@pytest.mark.parametrize(
    "options",
    [
        {"inits": "variance", "init_options": {"variance.share": 0.001}},
        {"inits": "pca", "embedding_sizes": 4096},
        {"inits": "full", "embedding_sizes": ""},
        {"backbones": "", "baselines": "text-only"},
        {"backbones": "", "baselines": "all", "inits": ""},
    ],
)
def test_options_that_suit_some_data_are_not_refused_early(options: dict[str, Any]) -> None:
    """What depends on the data is not refused by the check of the options alone."""
    check_grid(CompareConfig.make(**{"baselines": "none", **options}))


def test_options_of_parts() -> None:
    """A bare option goes to every part that takes it, a named one to its part, and dashes may be underscores."""
    options = {"n_layers": 1, "sgl.n_layers": 3, "item_knn.k": 5, "ssl_tau": 0.3}
    assert part_options(options, "sgl", ["n_layers", "ssl_tau"]) == {"n_layers": 3, "ssl_tau": 0.3}
    assert part_options(options, "lightgcn", ["n_layers"]) == {"n_layers": 1}
    assert part_options(options, "item-knn", ["k", "shrink"]) == {"k": 5}


def test_lists_survive_toml(tmp_path: Path) -> None:
    """A configuration with every list comes back from TOML as it was, whole histories included."""
    config = CompareConfig.make(backbones="mf,sgl:2", max_history="all,2", train_share=0.5, seeds=4)
    config.to_toml(tmp_path / "c.toml")
    assert CompareConfig.from_toml(tmp_path / "c.toml") == config
    assert config.max_history == (None, 2)

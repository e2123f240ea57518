"""A comparison from end to end, in this process."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import llminit
from llminit.comparison import execute
from llminit.config import CompareConfig
from llminit.errors import ConfigError, DataError, StorageError
from llminit.evaluation import mean_metric
from llminit.locks import exclusive_lock
from llminit.results import ResultsFolder
from planted import World
from watching import Compare, Pair, RecordingReporter, names, stamps


@pytest.mark.parametrize(("backbone", "init"), [("lightgcn", "xavier"), ("sgl", "pca"), ("mf", "variance")])
def test_a_cell_is_what_fit_does(compare: Compare, world: World, pair: Pair, backbone: str, init: str) -> None:
    """With the same options and seed, a cell has the metrics, the epochs and the losses of `fit`, to the bit."""
    share = {"variance.share": 0.5} if init == "variance" else {}
    folder = compare(backbones=backbone, inits=init, baselines="none", first_seed=2, init_options=share)
    (cell,) = folder.cells()
    options: dict[str, Any] = {"embedding_size": 8, "epochs": 3, "seed": 2, "backbone": backbone, "init": init}
    options |= {"init_options": {"share": 0.5}} if share else {}
    report = llminit.fit(world.interactions, world.items, embeddings=pair, **options).report
    for protocol, metrics in report["metrics"].items():
        assert {name: cell.metrics[protocol][name] for name in metrics} == metrics
    assert cell.best_epoch == report["best_epoch"]
    assert cell.history is not None
    without_time = [[{**record, "seconds": 0} for record in history] for history in (cell.history, report["history"])]
    assert without_time[0] == without_time[1]


@pytest.mark.parametrize("split", ["random-loo", "temporal-loo", "ratio", "global-time"])
def test_every_split(compare: Compare, split: str) -> None:
    """Under every kind of split, the ranks that are kept give the metrics that are written, for both protocols."""
    folder = compare(split=split, test_share=0.2)
    assert folder.failures() == []
    for cell in folder.cells():
        rows = folder.split(cell.split)
        assert rows.equals(rows.sort("user", maintain_order=True))
        for protocol, ranks in folder.ranks(cell).items():
            for name in ("recall@10", "ndcg@20"):
                assert mean_metric(ranks, name) == cell.metrics[protocol][name]
            assert len(ranks) == cell.groups[protocol]["all"]["n"]


def test_the_header_names_every_cell(compare: Compare) -> None:
    """The header names the cells of all calls together, finished or not."""
    assert set(compare().header.planned) == names(compare())
    folder = compare(backbones="mf", seeds=2)
    assert set(folder.header.planned) == names(folder)
    assert len(names(folder)) == 3 + 5


def test_items_without_text_are_counted(compare: Compare, pair: Pair) -> None:
    """Items without text embeddings are counted in a note and in the header."""
    ids, values = pair
    reporter = RecordingReporter()
    folder = compare(embeddings=(ids[:30], values[:30]), reporter=reporter)
    assert [note for note in reporter.notes if note.startswith("10 of 40 items have no text embedding in embeddings")]
    assert folder.header.encoders["embeddings"]["n_missing"] == 10
    reporter = RecordingReporter()
    compare(reporter=reporter, out=folder.path.with_name("all"))
    assert not [note for note in reporter.notes if "no text embedding" in note]


def test_what_a_cell_holds(compare: Compare) -> None:
    """A backbone's cell has its history, collapse, costs and measures beyond accuracy; a baseline's its tuning."""
    folder = compare(baselines="ease,text-only")
    found = {cell.key.label: cell for cell in folder.cells()}
    trained = found["lightgcn + pca"]
    assert trained.history is not None
    assert trained.collapse is not None
    assert [record["epoch"] for record in trained.history] == [1, 2, 3]
    assert trained.collapse.keys() == {"initial", "final"}
    assert trained.n_parameters == (60 + 40) * 8
    assert {"coverage@10", "gini@10", "novelty@10", "popularity_bias@10", "diversity@10"} <= set(
        trained.beyond["paper"]
    )
    assert min(trained.seconds.values()) > 0
    assert trained.versions.keys() >= {"llminit", "torch"}
    ease = found["ease"]
    assert ease.tuning is not None
    best = max(ease.tuning, key=lambda trial: trial["valid"])
    assert ease.options == best["options"]
    assert len(ease.tuning) > 1
    assert (ease.history, ease.best_epoch, ease.collapse) == (None, None, None)


def test_untuned_baselines(compare: Compare) -> None:
    """Options that are given are used and not varied; without tuning, or validation data, nothing is tried."""
    folder = compare(baselines="ease", backbones="", baseline_options={"ease.l2": 7.0})
    cell = folder.cells()[0]
    assert cell.tuning is not None
    assert cell.options["l2"] == 7.0
    assert {trial["options"]["l2"] for trial in cell.tuning} == {7.0}
    others: list[dict[str, Any]] = [{"tune": False}, {"split": "ratio", "valid_share": 0, "test_share": 0.2}]
    for number, options in enumerate(others):
        folder = compare(baselines="ease", backbones="", out=folder.path.with_name(str(number)), **options)
        assert folder.cells()[0].tuning is None


def test_controls(compare: Compare) -> None:
    """The untrained control is epoch 0, and where texts are informative, shuffling them costs most of the quality."""
    folder = compare(controls="shuffled,noise,untrained", baselines="none")
    found = {cell.key.init: cell for cell in folder.cells()}
    assert (found["pca/untrained"].best_epoch, found["pca/untrained"].history) == (0, [])
    quality = {init: cell.metrics["standard"]["recall@10"] for init, cell in found.items()}
    assert min(quality["pca"], quality["pca/untrained"]) > max(quality["pca/shuffled"], quality["pca/noise"]) + 0.2
    spectra = {init: cell.collapse["initial"]["singular_values"] for init, cell in found.items() if cell.collapse}
    assert spectra["pca/shuffled"] == pytest.approx(spectra["pca"], rel=1e-3)


def test_sparse_cells_have_the_same_test_interactions(compare: Compare) -> None:
    """Dropped training interactions lower degrees, and leave the test interactions as they were."""
    folder = compare(train_share="1,0.5", max_history="all,1", baselines="none", inits="xavier")
    splits = {cell.split: folder.split(cell.split) for cell in folder.cells()}
    assert len(splits) == 4
    for rows in splits.values():
        assert rows["user"].equals(splits["seed-0"]["user"])
    assert splits["seed-0_history-1"]["user_degree"].max() == 1
    assert splits["seed-0_share-0.5"]["user_degree"].sum() < splits["seed-0"]["user_degree"].sum()


def test_a_grid_grows_and_keeps_what_is_finished(compare: Compare) -> None:
    """More seeds, inits, backbones and encoders add cells; finished ones keep their bytes and their time stamp."""
    folder = compare()
    before = stamps(folder)
    grown = compare(seeds=2, inits="xavier,uniform", backbones="lightgcn,mf", baselines="ease")
    assert len(names(grown)) == 3 + (2 * 2 * 2 + 2) - 1
    after = stamps(grown)
    assert {name: after[name] for name in before} == before
    config = CompareConfig(**grown.header.config)
    assert (config.inits, config.seeds, config.baselines) == (("xavier", "pca", "uniform"), 2, ("popularity", "ease"))
    assert set(grown.tidy()["seed"].to_list()) == {0, 1}
    assert pl.read_parquet(grown.path / "results.parquet").equals(grown.tidy())


def test_the_same_call_does_nothing(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished comparison, called again, runs no cell and returns the same results."""
    rows = compare().tidy()
    monkeypatch.setattr(execute, "run_cell", None)
    assert compare().tidy().equals(rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": 4}, ["epochs was 3 and is now 4"]),
        ({"split": "ratio"}, ["split was 'random-loo' and is now 'ratio'"]),
        ({"k_core": 2}, ["k_core"]),
        ({"tune": False}, ["tune"]),
        ({"backbone_options": {"n_layers": 1}}, ["backbone_options"]),
    ],
)
def test_other_options_are_refused(compare: Compare, change: dict[str, Any], words: list[str]) -> None:
    """Options that change what a cell means must be the same; the message names the one that differs."""
    before = stamps(compare())
    with pytest.raises(ConfigError) as error:
        compare(**change)
    for word in words:
        assert word in str(error.value)
    assert stamps(compare()) == before


def test_other_data_are_refused(compare: Compare, world: World, pair: Pair) -> None:
    """Other interactions, and other text embeddings under the same name, are refused; titles do not matter."""
    compare()
    with pytest.raises(ConfigError, match=r"other interactions \(60 users, 40 items, 480"):
        compare(interactions=world.interactions.head(470))
    with pytest.raises(ConfigError, match="other text embeddings under the label 'embeddings'"):
        compare(embeddings=(pair[0], pair[1] + 1))


def test_a_diverging_cell(compare: Compare) -> None:
    """A learning rate that blows up training fails those cells with the trainer's advice."""
    folder = compare(learning_rate=1e30, epochs=5)
    assert {failure.key.model for failure in folder.failures()} == {"lightgcn"}
    assert all("lower learning_rate" in failure.error for failure in folder.failures())


def test_nothing_to_test(compare: Compare) -> None:
    """A split without test interactions fails every cell with the reason."""
    folder = compare(split="ratio", test_share=0)
    assert all("no test interactions" in failure.error for failure in folder.failures())
    assert names(folder) == set()


def test_encoders_are_an_axis(compare: Compare, world: World, pair: Pair, tmp_path: Path) -> None:
    """Several sources of text embeddings are compared under their labels; the same label twice is refused."""
    world.embeddings.write_parquet(tmp_path / "mine.parquet")
    noise = np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32)
    sources = {"planted": str(tmp_path / "mine.parquet"), "noise": (pair[0], noise)}
    folder = compare(embeddings=None, encoders=sources, inits="xavier,pca", baselines="text-only")
    found = {(cell.key.label, cell.key.encoder): cell.metrics["standard"]["recall@10"] for cell in folder.cells()}
    assert found["lightgcn + pca", "planted"] > found["lightgcn + pca", "noise"] + 0.2
    assert found.keys() >= {("text-only", "planted"), ("text-only", "noise"), ("lightgcn + xavier", None)}
    assert {label: text["width"] for label, text in folder.header.encoders.items()} == {"planted": 32, "noise": 16}
    assert all(-1 <= text["anisotropy"]["mean_cosine"] <= 1 for text in folder.header.encoders.values())
    with pytest.raises(ConfigError, match="'mine'"):
        compare(embeddings=None, encoders=[tmp_path / "mine.parquet", tmp_path / "sub" / "mine.parquet"])
    with pytest.raises(ConfigError, match="expected one of them"):
        compare(encoders="minilm")


def test_diversity_is_measured_in_one_space(compare: Compare, pair: Pair, tmp_path: Path) -> None:
    """In every call diversity is measured by the folder's first encoder, and left out where that one is missing."""
    first, other = {"first": pair}, {"other": (pair[0], pair[1][::-1].copy())}

    def diversity(encoders: dict[str, Pair], **options: Any) -> dict[int, float | None]:
        folder = compare(inits="xavier", baselines="none", embeddings=None, encoders=encoders, **options)
        return {cell.key.seed: cell.beyond["standard"].get("diversity@10") for cell in folder.cells()}

    expected = diversity(first, seeds=2, out=tmp_path / "at once")
    assert diversity(other, seeds=2, out=tmp_path / "elsewhere") != expected
    assert diversity(first) == {0: expected[0]}
    assert diversity(other | first, first_seed=1) == expected
    assert diversity(other, first_seed=2) == {**expected, 2: None}


def test_without_text(compare: Compare) -> None:
    """A comparison that needs no text runs without any source of it."""
    folder = compare(embeddings=None, inits="xavier", baselines="all", tune=False)
    assert folder.failures() == []
    assert folder.header.encoders == {}
    assert "text-only" not in {cell.key.model for cell in folder.cells()}


def test_the_order_of_interactions(compare: Compare, world: World, tmp_path: Path) -> None:
    """Baselines that learn from the order are given it; without timestamps they are left out of "all"."""
    options: dict[str, Any] = {"backbones": "", "inits": "pca", "baselines": "all", "tune": False}
    timed = compare(**options)
    plain = compare(**options, interactions=world.interactions.drop("timestamp"), out=tmp_path / "plain")
    assert timed.failures() == plain.failures() == []
    names = [{cell.key.model for cell in folder.cells()} for folder in (timed, plain)]
    assert names[0] - names[1] == {"l3ae-windows"}
    metrics = {cell.key.model: cell.metrics["standard"] for cell in timed.cells()}
    assert metrics["l3ae"] != metrics["l3ae-windows"]


def test_maps_are_drawn_of_text_cells_of_one_seed(compare: Compare) -> None:
    """Coordinates of the items are written for text cells of the first seed, in the order of the items."""
    folder = compare(controls="shuffled", seeds=2)
    (path,) = (folder.path / "maps").glob("*.parquet")
    assert path == folder.map_path(folder.cell("lightgcn_pca_embeddings_d8_seed-0").key)
    found = pl.read_parquet(path)
    assert found.columns == ["item", "x_text", "y_text", "x_trained", "y_trained", "title", "popularity"]
    assert found["title"].to_list()[:1] == ["Cluster 0 ü0 „日本“ :smile: [b]"]
    assert len(found) == 40


def test_the_folder_is_checked_first(compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that holds other files, and unknown names, are refused before any data are read."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    monkeypatch.setattr("llminit.comparison.run.load_dataset", None)
    with pytest.raises(StorageError, match="mine"):
        compare(out=tmp_path / "mine")
    with pytest.raises(ConfigError, match="nope"):
        compare(backbones="nope")
    with pytest.raises(ConfigError, match="device"):
        compare(device="tpu")
    with pytest.raises(ConfigError, match="also the options"):
        compare(config=CompareConfig())


def test_what_cannot_be_compared(compare: Compare, world: World) -> None:
    """Data without interactions is a DataError, as in `fit`."""
    with pytest.raises(DataError):
        compare(interactions=world.interactions.clear())


def test_one_at_a_time(compare: Compare, tmp_path: Path) -> None:
    """A second comparison in a folder is refused while another runs there, and may run when it is over."""
    with (
        exclusive_lock(ResultsFolder(tmp_path / "r").lock_path, "another test is running"),
        pytest.raises(StorageError, match=r"another `llminit compare` is running in .*choose another folder"),
    ):
        compare()
    assert names(compare())
    assert not (tmp_path / "r" / ".lock").exists()

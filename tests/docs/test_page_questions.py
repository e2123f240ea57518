"""The page of results: questions about parts of a comparison, and runs beside it, each judged on its own."""

import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from llminit.results import Archive, ResultsFolder, write_archive
from llminit.verdicts.judge import judgement_of, verdicts_of
from results_page import commands, sizes
from results_page.markdown import gain, gain_in_words, share
from results_page.part import Part
from results_page.pictures import drawn
from results_page.sources import DataSet, Plan, load_data_sets
from results_pages import PLANNED, parsed, rows_of, text_of, values_of
from synthetic_results import Plan as Written
from synthetic_results import write_results

PAPER = ("lightgcn", "popularity", "item-knn")
ASKED = """
[[question]]
title = "The old models"
text = "as they were."
models = ["lightgcn", "popularity", "item-knn"]
[[question]]
title = "The start alone"
text = "does it gain?"
models = ["sgcl"]
[[question]]
title = "Of nothing"
text = "no such model."
models = ["mf"]
"""
BESIDE = """
[further.best]
title = "The best, on new seeds"
text = "Is it better?"
data = ["beauty"]
[further.best.grid]
backbones = ["lightgcn", "sgcl"]
inits = ["xavier", "whiten"]
baselines = ["ease"]
first_seed = 5
seeds = 3
[further.sizes]
title = "Does it collapse?"
text = "Recall against the embedding size."
data = ["beauty"]
shows = "sizes"
[further.sizes.grid]
backbones = ["lightgcn", "sgcl"]
inits = ["xavier", "variance"]
baselines = ["none"]
embedding_sizes = [16, 64, 128, 256]
seeds = 2
"""
BEST = Written(
    seeds=(5, 6, 7),
    encoders=("embeddings-mpnet",),
    sizes=(),
    shares=(),
    histories=(),
    baselines=("ease",),
    controls=(),
    inits=("xavier", "whiten"),
    with_map=False,
)
SIZES = replace(BEST, seeds=(0, 1), baselines=(), inits=("xavier", "variance"), sizes=(16, 64, 256))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A folder with results of one data set and of what was run beside it, and the plan of all."""
    path = tmp_path_factory.mktemp("asked")
    shutil.copytree(root / "beauty", path / "beauty")
    write_results(path / "beauty-best", BEST)
    write_results(path / "beauty-sizes", SIZES)
    (path / "planned.toml").write_text(PLANNED + ASKED + BESIDE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(asked: Path) -> str:
    return text_of(asked, ["beauty"])


@pytest.fixture(scope="module")
def data(asked: Path) -> DataSet:
    return load_data_sets([asked / "beauty"], Plan.from_toml(asked / "planned.toml"))[0]


@pytest.mark.parametrize("is_archive", [False, True])
def test_a_part_is_judged_as_results_of_its_own(root: Path, tmp_path: Path, is_archive: bool) -> None:
    """The verdicts of a part are those of a folder that holds the cells of its models and no others."""
    whole = ResultsFolder(root / "beauty")
    part = Part(write_archive(whole, tmp_path / "archive") if is_archive else whole, PAPER)
    assert part.exists
    assert part.rank_limit == (Archive(tmp_path / "archive") if is_archive else whole).rank_limit
    shutil.copytree(whole.path, tmp_path / "alone")
    for cell in whole.cells():
        if cell.key.model not in PAPER:
            (tmp_path / "alone" / "cells" / f"{cell.key.name}.json").unlink()
    alone = judgement_of(ResultsFolder(tmp_path / "alone"))
    assert judgement_of(part).verdicts == alone.verdicts
    assert len(alone.verdicts["standard"]) > 10
    (split,) = {cell.split for cell in part.cells() if cell.key.seed == 0}
    assert part.split(split).equals(whole.split(split))


def test_a_pair_is_judged_in_the_last_question_that_holds_it(asked: Path, page: str) -> None:
    """In the tables a pair has the verdict of its own question; one that no question holds, that of all together."""
    whole = ResultsFolder(asked / "beauty")
    judged = [verdicts_of(Part(whole, models)) for models in (PAPER, ("sgcl",))]
    expected = {(each.label, each.reference_label): gain(each) for of_part in judged for each in of_part}
    shown = {row["method"]: row["Beauty, standard"] for row in rows_of(page, "### Against xavier")}
    assert len(shown) == 6
    assert shown == {method: expected[method, f"{method.split()[0]} + xavier"] for method in shown}
    among_all = {(each.label, each.reference_label): gain(each) for each in verdicts_of(whole)}
    assert any(among_all[method, f"{method.split()[0]} + xavier"] != cell for method, cell in shown.items())
    rows = rows_of(page, "### Beauty: each backbone's best against every baseline (`standard`)")
    for row in rows:
        for name, cell in row.items():
            if name not in ("baseline", "its mean"):
                pair = (name.rpartition(" .")[0], row["baseline"])
                assert cell == expected.get(pair, among_all[pair])


def test_each_question_is_answered(page: str) -> None:
    """A question has a sentence, names stronger baselines that it leaves out, and one about nothing is left out."""
    (old,) = [line for line in page.splitlines() if line.startswith("- **Beauty, the old models:**")]
    assert "lightgcn + whiten" in old
    assert "sgcl" not in old
    assert "This question leaves out ease (" in old
    (start,) = [line for line in page.splitlines() if line.startswith("- **Beauty, the start alone:**")]
    assert start.startswith("- **Beauty, the start alone:** The text is part of it: the same model from xavier")
    assert "sgcl + whiten against xavier: +" in start
    assert "- **The old models**: as they were." in page
    assert "f nothing" not in page
    assert "Each question above is judged as a comparison of its own" in page


def test_runs_beside_it_are_judged_on_their_own(asked: Path, page: str) -> None:
    """Their table has the means of their folder and what was shown of the method that validation picked there."""
    folder = ResultsFolder(asked / "beauty-best")
    rows = {row["method"]: row for row in rows_of(page, "### Beauty: the best, on new seeds")}
    assert rows.keys() == {
        *(f"{name} + {init}" for name in ("lightgcn", "sgcl") for init in ("xavier", "whiten")),
        "ease",
    }
    judged = judgement_of(folder)
    assert judged.choice is not None
    chosen = judged.choice.method.label
    shown = {row: cells[f"{chosen} against it"] for row, cells in rows.items()}
    primary = {each.reference_label: gain(each) for each in judged.verdicts["standard"] if each.is_primary}
    assert shown == {row: primary.get(row, "–") for row in rows}
    assert set(primary) == {"ease", f"{chosen.split()[0]} + xavier"}
    for row, cells in rows.items():
        values = values_of(folder.path, row, "recall@10", "standard")
        assert cells["recall@10"].startswith(share(sum(values) / len(values)))
    (line,) = [line for line in page.splitlines() if line.startswith("- **Beauty, the best, on new seeds:**")]
    against_ease = next(each for each in judged.verdicts["standard"] if each.is_primary and each.family == "baseline")
    assert gain_in_words(against_ease) in line
    assert "To fit, ease took" in line


def test_a_question_about_another_size_has_its_table(tmp_path: Path) -> None:
    """It is judged among the runs of that size and the baselines, and the main tables have nothing of it."""
    written = replace(BEST, seeds=(0, 1, 2), sizes=(256,), inits=("xavier", "variance"))
    write_results(tmp_path / "beauty", written)
    question = 'title = "Wide"\ntext = "is it better?"\nmodels = ["lightgcn", "ease"]\nembedding_size = 256\n'
    (tmp_path / "planned.toml").write_text(f"{PLANNED}[[question]]\n{question}", encoding="utf-8")
    page = text_of(tmp_path, ["beauty"])
    rows = {row["method"]: row for row in rows_of(page, "### Beauty: wide")}
    assert rows.keys() == {"lightgcn + xavier", "lightgcn + variance", "ease"}
    cells = [cell for cell in ResultsFolder(tmp_path / "beauty").cells() if cell.key.embedding_size == 256]
    own = [cell.metrics["standard"]["recall@10"] for cell in cells if cell.key.label == "lightgcn + variance"]
    assert rows["lightgcn + variance"]["recall@10"].startswith(share(sum(own) / 3))
    judged = judgement_of(Part(ResultsFolder(tmp_path / "beauty"), ("lightgcn", "ease"), 256))
    assert judged.choice is not None
    assert judged.choice.method.embedding_size == 256
    against = next(name for name in rows["ease"] if name.endswith(" against it"))
    verdicts = [each for each in judged.verdicts["standard"] if each.is_primary and each.family == "baseline"]
    assert [rows["ease"][against]] == [gain(each) for each in verdicts]
    trained = rows_of(page, "### Beauty: backbones by initial embeddings")
    assert len(trained) == len({(row["backbone"], row["init"]) for row in trained}) == 4


def test_sizes_are_described(asked: Path, page: str, data: DataSet) -> None:
    """The table has the mean recall of each size, and the sentence says where each method is best and how it ends."""
    rows = {row["embedding size"]: row for row in rows_of(page, "## Does it collapse?: Beauty")}
    cells = ResultsFolder(asked / "beauty-sizes").cells()
    means = {}
    for name, row in rows.items():
        for size in (16, 64, 128, 256):
            own = [
                cell.metrics["standard"]["recall@10"]
                for cell in cells
                if cell.key.label == name.split(" (")[0] and cell.key.embedding_size == size
            ]
            assert len(own) == 2
            means[name, size] = sum(own) / 2
            assert row[str(size)] == share(means[name, size])
    says = sizes.sentence(data.further["sizes"].loaded)
    assert "recall@10 (`standard`), 2 seeds, so no test was made: lightgcn + xavier" in says
    assert says in page
    for name in rows:
        best = max((16, 64, 128, 256), key=lambda size: means[name, size])
        expected = (
            f"{name} rises to the end, from {share(means[name, 16])} at 16"
            if best == 256
            else f"{name} is best at {best} with {share(means[name, best])}, and at 256 has {share(means[name, 256])}"
        )
        assert expected in says


def test_every_command_is_printed(data: DataSet, page: str) -> None:
    """The commands of what was run beside it are on the page, and mean what is planned."""
    printed = page.split("```sh\n")[1].replace(" \\\n    ", " ").splitlines()
    for ending, beside in data.further.items():
        (words,) = commands.compare_commands(beside)
        assert shlex.join(words) in [shlex.join(shlex.split(line)) for line in printed if line.startswith("llminit")]
        assert words[-1] == f"results/beauty-{ending}"
        assert parsed(words[2:]) == beside.config
    assert "- Beauty, best: nothing; all 15 planned runs are finished." in page
    assert "- Beauty, sizes: nothing; all 32 planned runs are finished." in page


def test_pictures_have_their_files(asked: Path, page: str, data: DataSet) -> None:
    """Each picture that the page shows is drawn, for light and for dark pages."""
    shown = set(re.findall(r'(?:src|srcset)="pictures/([^"]+)"', page))
    assert shown == drawn([data], Plan.from_toml(asked / "planned.toml")).keys()
    assert len(shown) == 4

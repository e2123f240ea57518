"""The page of results: every number is that of the result files, and what is not there is said to be missing."""

import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import typer

import write_results as script
from llminit.cli.main import app
from llminit.config import CompareConfig
from llminit.results import ResultsFolder, open_results
from llminit.results.cell import Failure
from llminit.verdicts.judge import verdicts_of
from llminit.verdicts.record import Verdict
from results_page import commands, conclusions
from results_page.markdown import gain, gain_in_words, number, percent, share, spread, table
from results_page.sources import DataSet, Plan, Published, load_data_sets
from synthetic_results import SMALL, write_results
from synthetic_results import Plan as Written

DOCS = Path(script.__file__).parent
WRITTEN = Written(encoders=("embeddings-mpnet",), sizes=(), shares=(), histories=(), with_map=False)
# What `WRITTEN` holds, but for the controls of sgcl and one more baseline.
PLANNED = """
[grid]
backbones = ["lightgcn", "sgcl:1"]
inits = ["xavier", "variance", "whiten", "pca"]
baselines = ["popularity", "item-knn", "ease", "text-only", "edlae"]
controls = ["shuffled", "noise", "untrained"]
seeds = 3
[data.beauty]
title = "Amazon 2014 Beauty"
get = "amazon-beauty"
[embeddings.embeddings-mpnet]
encoder = "st:all-mpnet-base-v2"
text = "{title}. {categories}"
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("docs")
    write_results(path / "beauty", WRITTEN)
    write_results(path / "toys", replace(WRITTEN, seeds=(0, 1)))
    (path / "planned.toml").write_text(PLANNED, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return text_of(root)


@pytest.fixture(scope="module")
def data_sets(root: Path) -> list[DataSet]:
    return load_data_sets([root / "beauty", root / "toys"], Plan.from_toml(root / "planned.toml"))


@pytest.fixture
def copied(root: Path, tmp_path: Path) -> Path:
    shutil.copytree(root / "beauty", tmp_path / "beauty")
    (tmp_path / "planned.toml").write_text(PLANNED, encoding="utf-8")
    return tmp_path


def text_of(root: Path, names: Sequence[str] = ("beauty", "toys")) -> str:
    return script.text_of([root / name for name in names], root / "planned.toml")


def rows_of(page: str, title: str) -> list[dict[str, str]]:
    """Return the rows of the table below a title, as lists of cells by the names of the columns."""
    lines = page.split(f"{title}\n", 1)[1].split("\n## ")[0].split("\n### ")[0].splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [dict(zip(head, row, strict=True)) for row in rows]


def values_of(folder: Path, label: str, metric: str, protocol: str) -> list[float]:
    cells = [cell for cell in ResultsFolder(folder).cells() if cell.key.label == label]
    return [cell.metrics[protocol][metric] for cell in sorted(cells, key=lambda cell: cell.key.seed)]


@pytest.mark.parametrize("data", ["Beauty", "Toys"])
def test_means_and_deviations(root: Path, page: str, data: str) -> None:
    """Every mean and standard deviation is that of the cells, for every method, both metrics and both protocols."""
    trained = rows_of(page, f"### {data}: backbones by initial embeddings")
    others = rows_of(page, f"### {data}: baselines and controls")
    assert (len(trained), len(others)) == (8, 7)
    for row in [*trained, *others]:
        label = row.get("method") or f"{row['backbone']} + {row['init']}"
        for name in ("recall@10", "ndcg@10"):
            for protocol in ("standard", "paper"):
                values = values_of(root / data.lower(), label, name, protocol)
                expected = f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}".replace("0.", ".")
                assert row[f"{protocol} {name}"].strip("*") == expected
        assert int(row["seeds"]) == len(values)


def test_the_highest_is_bold(page: str) -> None:
    """In a data set's two tables, exactly the highest mean of each measure is bold."""
    rows = [
        row
        for part in ("backbones by initial embeddings", "baselines and controls")
        for row in rows_of(page, f"### Beauty: {part}")
    ]
    for name in ("standard recall@10", "standard ndcg@10", "paper recall@10", "paper ndcg@10"):
        shown = [row[name] for row in rows]
        means = [float(cell.strip("*").split()[0]) for cell in shown]
        assert [cell for cell in shown if cell.startswith("**")] == [shown[int(np.argmax(means))]]


def test_published_numbers(page: str) -> None:
    """A published number is beside the method that it is of, and a dash where none is known."""
    for data, xavier, variance in (("Beauty", ".0910", ".1019"), ("Toys", ".0775", ".0808")):
        found = {
            (row["backbone"], row["init"]): row["published"]
            for row in rows_of(page, f"### {data}: backbones by initial embeddings")
        }
        assert found.pop(("lightgcn", "xavier")) == xavier
        assert found.pop(("lightgcn", "variance")) == variance
        assert set(found.values()) == {"–"}


def test_published_numbers_have_sources() -> None:
    """Every published number names where it is from."""
    published = Published.from_toml(DOCS / "published.toml")
    assert len(published.number) == 4
    assert all("arXiv" in each.source for each in (*published.number, *published.best))


def test_it_is_the_same_everywhere(root: Path, page: str, copied: Path) -> None:
    """The same results give the same page, wherever they lie."""
    shutil.copytree(root / "toys", copied / "toys")
    assert text_of(copied) == page
    assert str(root) not in page


def test_the_machine_s_paths_stay_private(copied: Path) -> None:
    """The command line as it was typed is not shown, for it may hold a person's paths."""
    folder = ResultsFolder(copied / "beauty")
    folder.write_header(folder.header.model_copy(update={"command": "llminit compare --out /home/someone/out"}))
    assert "someone" not in text_of(copied, ["beauty"])


def test_verdicts(root: Path, page: str) -> None:
    """A cell of a verdict table is the verdict of that pair."""
    verdicts = verdicts_of(ResultsFolder(root / "beauty"))
    xavier = {row["method"]: row["Beauty, standard"] for row in rows_of(page, "### Against xavier")}
    assert xavier == {each.label: gain(each) for each in verdicts if each.family == "init"}
    controls = {row["control"]: row["Beauty"] for row in rows_of(page, "### Against controls (`standard`)")}
    assert controls == {str(each.reference.control): gain(each) for each in verdicts if each.family == "control"}
    best = [each for each in verdicts if each.family == "baseline" and each.label == "sgcl + whiten"]
    rows = rows_of(page, "### Beauty: each backbone's best against every baseline (`standard`)")
    column = next(name for name in rows[0] if name.startswith("sgcl + whiten"))
    assert {row["baseline"]: row[column] for row in rows} == {each.reference_label: gain(each) for each in best}


def test_conclusions_count_what_was_shown(root: Path, page: str) -> None:
    """The words say of how many comparisons each start was shown better; those on too few seeds are not counted."""
    found = [each for name in ("beauty", "toys") for each in verdicts_of(ResultsFolder(root / name))]
    for init in ("variance", "whiten", "pca"):
        own = [
            each.outcome
            for each in found
            if each.family == "init" and each.method.init == init and each.covers_training
        ]
        assert f"`{init}` in {own.count('better')} of {len(own)}" in page
    n_left_out = sum(each.family == "init" and not each.covers_training for each in found)
    assert n_left_out
    assert f"Not counted: {n_left_out} comparisons on fewer than 3 seeds." in page


def test_a_start_with_few_comparisons_is_not_advised(data_sets: list[DataSet], monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that is missing in some comparisons may have missed the hard ones, and does not come first."""

    def compared(init: str, outcome: str, gain: float) -> SimpleNamespace:
        method = SimpleNamespace(init=init)
        return SimpleNamespace(method=method, outcome=outcome, gain=gain, covers_training=True)

    found = [compared("pca", "better", 0.9), *[compared("whiten", "better", 0.1)] * 2]
    monkeypatch.setattr(conclusions, "_of_family", lambda *_: found)
    first, second = conclusions._on_starts(data_sets)
    assert "`whiten` was shown better in every comparison" in first
    assert second.index("`whiten` in 2 of 2") < second.index("`pca` in 1 of 1")


def test_what_was_shown_most_of_is_named() -> None:
    """Where the highest mean rests on few seeds, the method of which more was shown is named beside it."""

    def verdict(method: str, outcome: str, sure: bool = True) -> SimpleNamespace:
        return SimpleNamespace(family="baseline", method=method, outcome=outcome, covers_training=sure, mean=0.1)

    found = [verdict("best", "no difference shown"), verdict("best", "better"), verdict("few", "better", sure=False)]
    found += [verdict("sure", "better"), verdict("sure", "better")]
    means = {"best": 0.3, "sure": 0.2}
    loaded = SimpleNamespace(mean=lambda each, _: SimpleNamespace(mean=means[each], n=5), labels={"sure": "s + w"})
    data: Any = SimpleNamespace(verdicts=lambda: found, loaded=loaded, baselines=lambda: ["ease", "edlae"])
    assert conclusions._surer(data, 1) == (
        "More was shown of s + w (.2000, 5 seeds): it is better than every baseline run here."
    )
    assert conclusions._surer(data, 2) == ""
    data.baselines = lambda: ["ease", "edlae", "gf-cf"]
    assert "better than 2 of 2 baselines" in conclusions._surer(data, 1)


def test_few_seeds_have_hollow_signs(root: Path) -> None:
    """An outcome that says nothing of another training run does not look like one that does."""
    better = next(each for each in verdicts_of(ResultsFolder(root / "beauty")) if each.outcome == "better")
    assert gain(better).startswith("▲")
    assert gain(replace(better, covers_training=False)).startswith("△")
    assert gain(replace(better, covers_training=False, outcome="worse")).startswith("▽")


def test_the_papers_own_comparison_is_judged_as_all_others(root: Path, page: str) -> None:
    """The corrected p-value decides, and that of the one comparison on its own is said beside it."""
    ours = next(
        each
        for each in verdicts_of(ResultsFolder(root / "beauty"), protocol="paper")
        if each.family == "init" and each.method.init == "variance" and each.method.model == "lightgcn"
    )
    line = next(line for line in page.splitlines() if "The paper's own claim, Beauty" in line)
    assert ours.p < ours.p_holm
    assert f"p = {share(ours.p_holm, 3)} among all starts" in line
    assert f"p = {share(ours.p, 3)} as the one comparison" in line
    assert line.endswith("a gain is shown here too." if ours.p_holm <= 0.05 else "here no difference is shown.")


def test_baselines_that_are_not_beaten_are_named(root: Path, page: str) -> None:
    """The conclusion names each baseline that the best method was not shown to beat, with its gain, and no other."""
    line = next(line for line in page.splitlines() if line.startswith("- **Toys:**"))
    verdicts = [each for each in verdicts_of(ResultsFolder(root / "toys")) if each.family == "baseline"]
    own = [each for each in verdicts if each.label == "sgcl + whiten"]
    unbeaten = [each for each in own if each.outcome != "better"]
    assert f"shown better than {len(own) - len(unbeaten)} of {len(own)} baselines" in line
    assert 0 < len(unbeaten) < len(own)
    for each in own:
        assert (f"; {gain_in_words(each)})" in line) == (each in unbeaten)


@pytest.mark.parametrize(
    ("outcomes", "says"),
    [
        (["better"] * 4, "Start from text"),
        (["better"] * 3 + ["no difference shown"], "best bet: it was shown better than xavier in 3 of 4"),
        (["better"] + ["no difference shown"] * 3, "Try before you rely on it"),
        (["no difference shown"] * 4, "No text start was shown better"),
        (["better"] * 3 + ["worse"], "and worse in 1."),
    ],
)
def test_advice_is_no_stronger_than_the_tests(outcomes: list[str], says: str) -> None:
    """Advice to start from text is given only where every comparison showed it; a loss is always named."""
    found = [cast("Verdict", SimpleNamespace(outcome=each)) for each in outcomes]
    text = conclusions._advice("whiten", found)
    assert says in text
    assert ("Start from text" in text) == (set(outcomes) == {"better"})


def test_groups(root: Path, page: str) -> None:
    """A group's gain is the ratio of the hits over all seeds, beside xavier's recall, and is left out for few hits."""
    shown = next(row for row in rows_of(page, "## Where it helps") if row["method"] == "sgcl + whiten")
    few = 0
    for column, group in (
        ("user 2-4", "user_degree=2-4"),
        ("user 1", "user_degree=1"),
        ("item 1", "item_popularity=1"),
    ):
        hits, tested = dict[str, float](), dict[str, float]()
        for cell in ResultsFolder(root / "beauty").cells():
            if cell.key.model == "sgcl" and cell.key.init in ("whiten", "xavier"):
                own = cell.groups["standard"][group]
                hits[cell.key.init] = hits.get(cell.key.init, 0) + own["recall@10"] * own["n"]
                tested[cell.key.init] = tested.get(cell.key.init, 0) + own["n"]
        level = f"(.{1000 * hits['xavier'] / tested['xavier']:03.0f})"
        expected = f"{100 * (hits['whiten'] / hits['xavier'] - 1):+.1f} {level}".replace("-", "−")
        assert shown[column] == (level if hits["xavier"] < 30 else expected)
        few += hits["xavier"] < 30
    assert 0 < few < 3


def test_collapse(root: Path, page: str) -> None:
    """The effective ranks are the means over seeds, both data sets side by side."""
    shown = {row["init"]: row for row in rows_of(page, "## Collapse")}["variance"]
    cells = [cell for cell in ResultsFolder(root / "beauty").cells() if cell.key.label == "sgcl + variance"]
    final = np.mean([(cell.collapse or {})["final"]["effective_rank"] for cell in cells])
    assert shown["after, sgcl"].split(" / ")[0] == f"{final:.0f}"


def test_what_is_missing(page: str) -> None:
    """Planned runs that are not there are counted, by model, and the page begins by saying so."""
    line = next(line for line in page.splitlines() if line.startswith("- Beauty: ") and "planned runs" in line)
    assert line == (
        "- Beauty: 37 of 43 planned runs are finished. Not complete: edlae: nothing yet; sgcl: 0 of 1 seeds complete, "
        "4 of 7 runs, none of variance/shuffled, variance/noise and variance/untrained."
    )
    assert "- Toys: " in page
    assert "ease: 2 of 3 seeds" in page
    assert "**Not finished: " in page


def test_nothing_missing(copied: Path) -> None:
    """A finished grid is called finished."""
    (copied / "planned.toml").write_text(
        '[grid]\nbackbones=["lightgcn","sgcl"]\nbaselines=["ease"]\n', encoding="utf-8"
    )
    text = text_of(copied, ["beauty"])
    assert "All 21 planned runs are finished." in text
    assert "- Beauty: nothing; all 21 planned runs are finished." in text


CONFIRMED = """
[confirmation]
backbones = ["lightgcn"]
inits = ["whiten"]
baselines = ["popularity", "item-knn", "ease"]
controls = []
first_seed = 5
seeds = 4
"""


def confirm(copied: Path, seeds: tuple[int, ...]) -> ResultsFolder:
    """Plan a confirmation for the one data set there and write what some seeds gave."""
    (copied / "planned.toml").write_text(PLANNED + CONFIRMED, encoding="utf-8")
    small = replace(SMALL, seeds=seeds, inits=("whiten",), baselines=("popularity", "item-knn", "ease"))
    folder = write_results(copied / "beauty-confirmation", small)
    # The results that are made up have two backbones.
    for path in (folder.path / "cells").glob("sgcl*"):
        path.unlink()
    return ResultsFolder(folder.path)


def test_a_confirmation_is_judged_on_its_own(copied: Path) -> None:
    """Its table and its sentence are the verdicts of its own folder, corrected over its own comparisons alone."""
    before = text_of(copied, ["beauty"])
    folder = confirm(copied, (5, 6, 7, 8))
    page = text_of(copied, ["beauty"])
    verdicts = {each.reference.label: each for each in verdicts_of(folder) if each.protocol == "standard"}
    assert {each.n_comparisons for each in verdicts.values()} == {3}
    rows = rows_of(page, "### Beauty: new seeds")
    assert len(rows) == 3
    for row in rows:
        (shown,) = [cell for name, cell in row.items() if name.startswith("lightgcn + whiten .")]
        assert shown == gain(verdicts[row["baseline"]])
        assert row["its mean"] == share(
            float(np.mean(values_of(folder.path, row["baseline"], "recall@10", "standard")))
        )
    assert "on new seeds (5 to 8)" in page
    (line,) = [line for line in page.splitlines() if line.startswith("- **Beauty, on new seeds**")]
    n_better = sum(each.outcome == "better" for each in verdicts.values())
    assert 0 < n_better < 3
    assert f"It was shown better than {n_better} of 3 baselines." in line
    for name, verdict in verdicts.items():
        assert (gain_in_words(verdict) in line) == (verdict.outcome != "better"), name
    assert "The baseline took " in line
    assert " first: it took " not in page
    assert " first: it took " in before
    command = next(line for line in unfolded(page) if line.endswith("--out results/beauty-confirmation"))
    assert "--interactions data/beauty/interactions.parquet" in command
    assert "--first-seed 5" in command
    (data,) = load_data_sets([copied / "beauty"], Plan.from_toml(copied / "planned.toml"))
    assert data.confirmation is not None
    assert parsed(shlex.split(command)[2:]) == data.confirmation.config
    assert "Beauty, confirmation: nothing; all 16 planned runs are finished" in page


def test_an_unfinished_confirmation_concludes_nothing(copied: Path) -> None:
    """While seeds are missing the page says so, shows what is there, and draws no conclusion from it."""
    confirm(copied, (5, 6, 7))
    page = text_of(copied, ["beauty"])
    assert "on new seeds:** [the confirmation](#confirmation) is not finished." in page
    assert "4 planned runs are missing; this may change." in page
    assert "Beauty, confirmation: 12 of 16 planned runs are finished." in page
    shutil.rmtree(copied / "beauty-confirmation")
    page = text_of(copied, ["beauty"])
    assert "Not begun yet." in page
    assert "on new seeds" not in page


def unfolded(page: str) -> list[str]:
    return page.replace(" \\\n    ", " ").splitlines()


def test_a_failed_cell_is_named(copied: Path) -> None:
    """A run that failed is named with its reason."""
    folder = ResultsFolder(copied / "beauty")
    cell = folder.cells()[0]
    key = cell.key.model_copy(update={"seed": 7})
    folder.write_failure(Failure(key=key, error="the loss diverged"))
    assert f"failed: `{key.name}`: the loss diverged" in text_of(copied, ["beauty"])


def test_one_seed_is_called_one_seed(tmp_path: Path) -> None:
    """From one seed, no deviation is shown and the page says that it tells nothing of another training run."""
    write_results(tmp_path / "beauty", SMALL)
    (tmp_path / "planned.toml").write_text(PLANNED, encoding="utf-8")
    text = text_of(tmp_path, ["beauty"])
    assert "Only 1 seed, so" in text
    assert " ± " not in rows_of(text, "### Beauty: baselines and controls")[0]["standard recall@10"]


@pytest.mark.parametrize("kept", ["baseline", "backbone"])
def test_a_page_of_a_part(copied: Path, kept: str) -> None:
    """Before all kinds of methods are there, the page says so and shows what is there."""
    folder = ResultsFolder(copied / "beauty")
    for cell in folder.cells():
        if cell.key.kind != kept:
            (copied / "beauty" / "cells" / f"{cell.key.name}.json").unlink()
    text = text_of(copied, ["beauty"])
    assert ("No backbone is finished yet." in text) == (kept == "baseline")
    assert ("No baseline is finished yet." in text) == (kept == "backbone")


def test_the_printed_command_is_the_comparison(data_sets: list[DataSet]) -> None:
    """The command that the page prints, given to the command line, means the planned comparison."""
    for data in data_sets:
        words = shlex.split(shlex.join(commands.compare_command(data)))
        assert words[:2] == ["llminit", "compare"]
        assert parsed(words[2:]) == data.config
        assert words[-1] == f"results/{data.name}"


def parsed(words: Sequence[str]) -> CompareConfig:
    group: Any = typer.main.get_command(app)
    command = group.commands["compare"]
    given = command.make_context("compare", list(words), resilient_parsing=True).params
    own = {name: given[name] for name in CompareConfig.model_fields if given.get(name) not in (None, [], ())}
    return CompareConfig.make(**own)


def test_folded_commands_are_the_commands(data_sets: list[DataSet], page: str) -> None:
    """The lines of a printed command, joined by the shell, are its words."""
    block = page.split("```sh\n")[1].split("```")[0]
    printed = [shlex.split(line) for line in re.sub(r"\\\n", "", block).splitlines()]
    assert commands.compare_command(data_sets[0]) in printed
    assert printed[-2:] == [commands.archive_command(data_sets), commands.rewrite_command(data_sets)]
    assert max(map(len, block.splitlines())) <= 120


def test_a_folder_without_results_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no results folder ends in exit code 2 with a reason, and the page stays as it was."""
    out = tmp_path / "results.md"
    out.write_text("before", encoding="utf-8")
    with pytest.raises(SystemExit) as error:
        script.main([str(tmp_path), "--out", str(out)])
    assert error.value.code == 2
    assert "not a results folder" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "before"


def test_the_command_writes_the_page(root: Path, page: str, tmp_path: Path) -> None:
    """The command writes what `text_of` returns."""
    out = tmp_path / "results.md"
    given = [str(root / "beauty"), str(root / "toys"), "--planned", str(root / "planned.toml"), "--out", str(out)]
    script.main(given)
    assert out.read_text(encoding="utf-8") == page


def test_the_page_is_short(page: str) -> None:
    """The page stays readable: no more lines than a person scrolls through."""
    assert len(page.splitlines()) < 300


def test_costs_are_medians(root: Path, page: str) -> None:
    """A model's cost is the median over its runs, controls left out, which one slow run does not move."""
    rows = {row["model"]: row["fit, s"] for row in rows_of(page, "## Cost")}
    for model in ("lightgcn", "ease"):
        seconds = [
            [
                cell.seconds["fit"]
                for cell in ResultsFolder(root / name).cells()
                if cell.key.model == model and cell.key.kind != "control"
            ]
            for name in ("beauty", "toys")
        ]
        assert np.median(seconds[0]) < np.mean(seconds[0]) / 2
        assert rows[model] == " / ".join(number(float(np.median(own))) for own in seconds)


def test_numbers_as_text() -> None:
    """Numbers keep their sign and digits; what is not finite is a dash."""
    assert [share(value) for value in (0.1438, -0.05, 1.25, None, float("inf"))] == [
        ".1438",
        "−.0500",
        "1.2500",
        "–",
        "–",
    ]
    assert [number(value) for value in (0.0, 0.123, 4.56, 45.6, 1234.5, None)] == [
        "0.00",
        "0.12",
        "4.6",
        "46",
        "1,234",
        "–",
    ]
    assert [percent(value) for value in (0.041, -0.2, 5.35)] == ["+4.1", "−20.0", "+535"]
    assert [spread(values) for values in ([], [0.1], [0.1, 0.2])] == ["–", ".1000", ".1500 ± .0707"]
    assert table(["a", "b"], [["x|y", "1"]])[1:3] == ["|---|--:|", "| x&#124;y | 1 |"]


def test_an_endless_gain_is_left_out(root: Path) -> None:
    """A gain over nothing has no percent: outcome and p-value stay."""
    verdict = next(each for each in verdicts_of(ResultsFolder(root / "beauty")) if each.outcome == "better")
    endless = replace(verdict, gain=float("inf"), interval=(-float("inf"), float("inf")), p_holm=0.00001)
    assert (gain(endless), gain_in_words(endless)) == ("▲ <.001", "p < .001")


def test_the_plan_is_one_that_compare_accepts() -> None:
    """The committed plan names only what `llminit compare` knows."""
    from llminit.comparison.grid import check_grid

    plan = Plan.from_toml(DOCS / "planned.toml")
    check_grid(CompareConfig.make(**plan.grid))
    check_grid(CompareConfig.make(**plan.confirmation))


def test_the_committed_page_is_up_to_date() -> None:
    """docs/results.md is what the command writes from the committed results."""
    folders = [DOCS / "results" / name for name in ("beauty", "toys")]
    if not (DOCS / "results.md").is_file() or not all(open_results(folder).exists for folder in folders):
        pytest.skip("docs/results.md or its results are not there yet")
    assert (DOCS / "results.md").read_text(encoding="utf-8") == script.text_of(folders)

"""The page of results: every number is that of the result files, and what is not there is said to be missing."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import write_results as script
from llminit.results import ResultsFolder
from llminit.results.cell import Failure
from llminit.verdicts.judge import verdicts_of
from results_page.markdown import gain, gain_in_words, number, percent, share, spread, table
from results_page.sources import Published
from results_pages import PLANNED, rows_of, text_of, values_of
from synthetic_results import SMALL, write_results

DOCS = Path(script.__file__).parent


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
        '[grid]\nbackbones=["lightgcn","sgcl"]\ninits=["xavier","variance","whiten"]\nbaselines=["ease"]\nseeds=3\n',
        encoding="utf-8",
    )
    text = text_of(copied, ["beauty"])
    assert "All 21 planned runs are finished." in text
    assert "- Beauty: nothing; all 21 planned runs are finished." in text


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
    endless = replace(verdict, gain=float("inf"), interval=(-float("inf"), float("inf")), p_corrected=0.00001)
    assert (gain(endless), gain_in_words(endless)) == ("▲ <.001", "p < .001")

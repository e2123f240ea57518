"""The section about new items and users."""

from pathlib import Path

import numpy as np
import pytest

from cold_results import STRENGTHS, cold_cell, write_cold
from llminit.report.content import Section, SentenceList
from llminit.report.figures import Panel
from llminit.report.outline import page_content
from llminit.report.read import read_report_data
from llminit.report.render import render
from llminit.report.tables import Table
from llminit.results import ColdFailure, ResultsFolder, write_archive
from llminit.results.archive import Archive
from llminit.verdicts.cold import cold_verdicts
from oracles_report import figures_of
from synthetic_results import SMALL, write_results


def new_items(folder: ResultsFolder | Archive) -> Section | None:
    content = page_content(read_report_data(folder))
    return next((section for section in content.sections if section.anchor == "new-items"), None)


@pytest.fixture
def folder(small: Path) -> ResultsFolder:
    return write_results(small, SMALL)


def test_it_is_absent_where_nothing_was_held_out(folder: ResultsFolder) -> None:
    """Without cells about new items, the page says nothing of them."""
    assert new_items(folder) is None
    assert "New items" not in render(page_content(read_report_data(folder)))


def test_all_methods_are_in_one_picture(folder: ResultsFolder) -> None:
    """Each method is a line through its means over seeds, from no loss to a tenth or to where its dial ends."""
    write_cold(folder)
    figures = figures_of(render(page_content(read_report_data(folder))))
    traces = figures["new-items-0"]["data"]
    assert {trace["name"] for trace in traces} == {"softmax + whiten", "l3ae", "text-knn", "category-popularity"}
    for trace in traces:
        losses, recalls = np.array(trace["x"]) / 100, np.array(trace["y"])
        assert losses[0] == 0
        assert losses[-1] == pytest.approx(4 / 50)
        assert (np.diff(losses) > 0).all()
        strength = next(value for method, value in STRENGTHS.items() if method.label == trace["name"])
        assert recalls[1:] == pytest.approx(strength * losses[1:] / 2, rel=0.05)
    guides = [shape["x0"] for shape in figures["new-items-0"]["layout"]["shapes"]]
    assert guides == [2, 6]


def test_a_cell_that_failed_is_named_with_its_reason(folder: ResultsFolder) -> None:
    """What failed of the cells about new items is listed with the other failures; without one there is no list."""
    write_cold(folder)
    assert "Cells that failed" not in render(page_content(read_report_data(folder)))
    key = cold_cell(next(iter(STRENGTHS)), 9, 1.0).key
    folder.cold.write_failure(ColdFailure(key=key, error="killed for want of memory"))
    page = render(page_content(read_report_data(folder)))
    assert "Cells that failed" in page
    assert f"{key.name}: killed for want of memory" in page


def test_the_numbers_at_the_trades(folder: ResultsFolder) -> None:
    """The table has each measure at 2 % and at 6 % loss, with deviations, and where a dial ends before that."""
    write_cold(folder)
    short = cold_cell(next(iter(STRENGTHS)), 9, 1.0)
    rows = [row for row in short.rows if row["warm_loss"] < 0.03]
    folder.cold.write(short.model_copy(update={"rows": rows, "key": short.key.model_copy(update={"init": "pca"})}))
    section = new_items(folder)
    assert section is not None
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [group.title for group in table.column_groups] == ["", "at 2 % loss", "at 6 % loss", "as saved", ""]
    by_name = {row.cells[0].text: [(cell.text, cell.detail) for cell in row.cells] for row in table.rows}
    l3ae = by_name["l3ae"]
    assert [text for text, _ in l3ae[1:3]] == ["0.1234", "0.4321"]
    assert l3ae[3] == ("0.0081", "± 0.0001")
    assert l3ae[5][0] == "1.0 %"
    assert l3ae[7][0] == "0.0242"
    assert l3ae[-3:-1] == [("–", ""), ("–", "")]
    assert [text for text, _ in by_name["softmax + whiten"][-3:]] == ["2.0 %", "0.0101", "3"]
    assert by_name["softmax + pca"][7][1].startswith("dial ends at 2.")
    order = [row.cells[3].value for row in table.rows]
    assert order == sorted(order, key=lambda value: -float(value or 0))


def test_what_is_shown_of_three_seeds(folder: ResultsFolder) -> None:
    """With three seeds it is said what the trained model was shown better than, and what not; with two, nothing."""
    write_cold(folder)
    section = new_items(folder)
    assert section is not None
    (said,) = [block for block in section.blocks if isinstance(block, SentenceList)]
    assert len(said.sentences) == 2
    first = said.sentences[0]
    assert first.startswith("At 2 % loss softmax + whiten has recall@10 0.0101 of new items: shown better than l3ae")
    assert "no difference is shown to text-knn (0.0097)" in first
    assert "category-popularity (0.0010; difference 0.0091 [" in first
    few = write_results(folder.path.with_name("few"), SMALL)
    write_cold(few, seeds=2)
    section = new_items(few)
    assert section is not None
    assert not [block for block in section.blocks if isinstance(block, SentenceList)]
    assert "3 seeds" in getattr(section.blocks[-1], "text", "")


def test_the_tests_are_paired_and_corrected() -> None:
    """Noise that both sides share does not count, pairs are shared seeds, and p grows with the comparisons made."""
    cells = [cold_cell(method, seed, strength) for method, strength in STRENGTHS.items() for seed in range(4)]
    cells = [cell for cell in cells if not (cell.key.model == "l3ae" and cell.key.seed == 0)]
    verdicts = {(verdict.other.model, verdict.loss): verdict for verdict in cold_verdicts(cells)}
    assert len(verdicts) == 6
    assert verdicts["l3ae", 0.02].n_seeds == 3
    assert verdicts["l3ae", 0.02].difference == pytest.approx(0.002, rel=0.02)
    assert verdicts["l3ae", 0.06].outcome == "better"
    assert verdicts["text-knn", 0.02].outcome == "no difference shown"
    alone = [cell for cell in cells if cell.key.model in ("softmax", "l3ae")]
    (smaller, _) = cold_verdicts(alone)
    assert smaller.p_value < verdicts["l3ae", 0.02].p_value
    assert cold_verdicts(cells[:4]) == []


def test_users_and_several_shares(folder: ResultsFolder) -> None:
    """New users have a table; each thing that was held out has a picture and words of its own; ids are unique."""
    write_cold(folder, cold_users=0.25)
    write_cold(folder, cold_split="time", cold_share=0.2)
    data = read_report_data(folder)
    section = new_items(folder)
    assert section is not None
    assert section.title == "New items and users"
    panels = [block.title for block in section.blocks if isinstance(block, Panel)]
    assert sorted(panels) == [
        "10 % of the items, other ones at each seed, and 25 % of the users",
        "20 % of the items, those that appeared last",
    ]
    users = [block for block in section.blocks if isinstance(block, Table) and block.anchor.startswith("new-users")]
    assert users[0].rows[0].cells[0].text == "softmax + whiten"
    assert "1,040" in [cell.text for cell in users[0].rows[0].cells]
    page = render(page_content(data))
    assert page.count('id="new-items-0"') == page.count('id="new-items-1"') == 1


def test_from_an_archive(folder: ResultsFolder, tmp_path: Path) -> None:
    """An archive makes the same section as the folder."""
    write_cold(folder)
    write_archive(folder, tmp_path / "archive")
    mine, other = new_items(folder), new_items(Archive(tmp_path / "archive"))
    assert mine is not None
    assert other is not None
    tables = [next(block for block in section.blocks if isinstance(block, Table)) for section in (mine, other)]
    values = [[[cell.value or 0.0 for cell in row.cells[1:]] for row in table.rows] for table in tables]
    for row, same in zip(*values, strict=True):
        assert row == pytest.approx(same, rel=1e-4)

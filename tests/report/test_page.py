"""The page: its content, what it leaves out, and that no data can break it."""

import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from importlib import util
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from llminit.errors import ArtefactError, ConfigError, DataError, MissingExtraError
from llminit.report import write_report
from llminit.report.data import ReportData
from llminit.report.numbers import decimals
from llminit.results import ResultsFolder, distinct_labels
from llminit.verdicts.wording import headline
from oracles_report import ParsedPage, figures_of, mean_and_margin, page_of, values
from synthetic_results import HOSTILE_TITLE, MAPPED, SMALL, Plan, write_results

ALL_SECTIONS = [
    "verdict",
    "quality",
    "results",
    "learning",
    "groups",
    "sparsity",
    "collapse",
    "beyond",
    "map",
    "cost",
    "comparisons",
    "reproduce",
]


def sections_of(page: str) -> list[str]:
    return re.findall(r'<section id="([a-z]+)"', page)


def text_of(page: str) -> str:
    """The words of the page, without its scripts and styles."""
    return ParsedPage(page).text


def rows_of(page: str, table: str) -> list[list[str]]:
    (body,) = re.findall(rf'<table id="{table}".*?<tbody>(.*?)</tbody>', page, flags=re.DOTALL)
    rows = re.findall(r"<tr.*?</tr>", body, flags=re.DOTALL)
    return [[text_of(cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, flags=re.DOTALL)] for row in rows]


def test_sections_stand_in_order_with_the_verdict_first(page: str) -> None:
    """Everything that was measured has its section, the verdict first, and the links at the top lead there."""
    assert sections_of(page) == ALL_SECTIONS
    assert re.findall(r'<li><a href="#([a-z]+)"', page) == ALL_SECTIONS


def test_the_verdict_is_the_headline_in_full(page: str, data: ReportData) -> None:
    """The sentences of the headline are on the page as they are, with the protocol and the number of seeds."""
    sentences = headline(data.main_verdicts("standard"), data.by_seed("recall"), leave_one_out=True)
    assert len(sentences) > 2
    words = text_of(page)
    assert words[words.index("The verdict ") :].startswith(f"The verdict {sentences[0]}")
    assert sentences[0] == data.answer.sentences[0]
    for sentence in sentences:
        assert sentence in words
    assert "standard protocol (seen items removed from the ranking), recall@10, from 3 seeds" in words


def test_the_result_table_has_both_protocols(page: str, data: ReportData) -> None:
    """Each method has a row with its means and intervals under both protocols, the best first."""
    rows = {row[0]: row[1:] for row in rows_of(page, "results-table")}
    assert list(rows) == sorted(rows, key=lambda name: -float(rows[name][0].split()[0]))
    for method in data.main:
        expected = []
        for protocol in ("standard", "paper"):
            for metric in ("recall@10", "ndcg@10"):
                mean, margin = mean_and_margin(values(data.cells, method, metric, protocol))
                expected.append(f"{decimals(mean)} [{decimals(mean - margin)}, {decimals(mean + margin)}]")
        assert rows[data.labels[method]] == [*expected, "3"]


def test_cost_is_a_median_over_seeds(page: str) -> None:
    """The cost table shows medians of parameters, epoch, seconds and memory, which one slow run does not move."""
    row = next(row for row in rows_of(page, "cost-table") if row[0].startswith("sgcl + variance (minilm"))
    assert row[1:] == ["2,129,792", "70", "45.0 s", "0.6 s", "610 MB"]


def test_every_comparison_is_in_the_last_table(page: str, data: ReportData) -> None:
    """The table of comparisons has a row a verdict, the primary ones first, with names, gain, outcome and role."""
    rows = rows_of(page, "comparisons-table")
    verdicts = [verdict for of_protocol in data.verdicts.values() for verdict in of_protocol]
    verdicts.sort(key=lambda verdict: not verdict.is_primary)
    assert len(rows) == len(verdicts) > 100
    for row, verdict in zip(rows, verdicts, strict=True):
        assert row[:2] == [verdict.label, verdict.reference_label]
        assert row[2].startswith(f"{100 * verdict.gain:+.1f} %".replace("-", "−"))
        role = "primary" if verdict.is_primary else "exploratory"
        assert row[4:7] == [verdict.outcome, role, verdict.protocol]
    assert {row[5] for row in rows} == {"primary", "exploratory"}


def test_an_unfinished_comparison_is_reported_as_such(small: Path) -> None:
    """The first sentence names the unfinished cells and how many are finished; there is none if all are."""
    folder = write_results(small, SMALL)
    planned = [*folder.names(), *(f"sgl_xavier_d128_seed-{seed}" for seed in range(7))]
    folder.write_header(folder.header.model_copy(update={"planned": planned}))
    words = text_of(page_of(folder))
    verdict = words[words.index("The verdict") :]
    assert verdict.startswith(f"The verdict Not finished: {len(planned) - 7} of {len(planned)} runs are there")
    assert "sgl_xavier_d128_seed-4 and 2 more." in verdict
    folder.write_header(folder.header.model_copy(update={"planned": folder.names()}))
    assert "Not finished" not in text_of(page_of(folder))


def test_the_verdict_names_its_embedding_size(page: str, small: Path) -> None:
    """Where several sizes were compared, the verdict names its own; with a single one it does not."""
    says = "with embeddings of 128 dimensions; other sizes are in the sections below"
    assert says in text_of(page)
    assert "with embeddings of" not in text_of(page_of(write_results(small, SMALL)))


def test_items_without_text_are_counted_beside_the_verdict(small: Path) -> None:
    """A sentence of the verdict counts the items that have no text embedding."""
    folder = write_results(small, SMALL)
    encoders = {name: encoder | {"n_missing": 275} for name, encoder in folder.header.encoders.items()}
    folder.write_header(folder.header.model_copy(update={"encoders": encoders}))
    assert "275 of 6086 items have no text embedding in embeddings-mpnet" in text_of(page_of(folder))


def test_other_settings_have_their_means_in_a_table(page: str, data: ReportData) -> None:
    """Every method is in one of the two result tables, with its mean."""
    rows = [*rows_of(page, "results-table"), *rows_of(page, "other-settings-table")]
    assert len(rows) == len(data.methods) > len(data.main)
    sizes = [int(size) for row in rows if (size := "".join(re.findall(r"^sgcl \+ xavier.*d=(\d+)", row[0])))]
    assert sizes == sorted(sizes)
    labels = distinct_labels(data.methods)
    means = {labels[method]: data.mean(method, "recall") for method in data.methods if method not in data.main}
    for row in rows_of(page, "other-settings-table"):
        mean = means[row[0]]
        assert mean is not None
        assert row[1].startswith(f"{mean.mean:.4f}")


def test_a_table_that_scrolls_says_how_long_it_is(page: str) -> None:
    """The caption of a table that scrolls gives its number of rows."""
    n_rows = len(rows_of(page, "comparisons-table"))
    assert f"{n_rows} rows; the table scrolls." in text_of(page)


def test_what_reproduces_it_is_there(page: str, data: ReportData) -> None:
    """The command, versions, fingerprint and machine are on the page."""
    words = text_of(page)
    for text in (data.header.command, data.header.fingerprint, data.header.machine, "torch 2.13.0"):
        assert text in words


def test_every_command_that_made_it_is_there(small: Path) -> None:
    """Where several calls made the folder, each command stands on its own line, the oldest first."""
    header = {"command": "first --k-core 5 <a>\nsecond"}
    page = page_of(write_results(small, replace(SMALL, header=header)))
    assert '<pre>first <span class="option">--k-core</span> 5 &lt;a&gt;\nsecond</pre>' in page
    assert "Commands, the oldest first" in text_of(page)


def test_sections_without_data_are_left_out(small: Path) -> None:
    """Where nothing was swept, dropped, mapped or measured, no empty section is shown, and one seed has no interval."""
    page = page_of(write_results(small, SMALL))
    assert set(ALL_SECTIONS) - set(sections_of(page)) == {"sparsity", "map"}
    assert not [name for name in figures_of(page) if name.startswith("sweep")]
    assert "one seed, so nothing is known about another training run" in text_of(page)
    assert all("[" not in cell for row in rows_of(page, "results-table") for cell in row)


def test_baselines_alone_make_a_page(small: Path) -> None:
    """A comparison of baselines alone, or one that has just begun, can be reported."""
    plan = Plan(seeds=(0,), inits=(), controls=(), sizes=(), shares=(), histories=(), with_map=False)
    page = page_of(write_results(small, plan))
    assert sections_of(page) == ["verdict", "quality", "results", "beyond", "cost", "reproduce"]


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    """Outside of scripts and styles there is no address, and the policy of the page forbids every request."""
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.findall(r"(?:src|action|srcset)\s*=|url\(|@import", markup)
    assert {link[0] for link in re.findall(r'href="([^"]*)"', markup)} == {"#"}
    assert "default-src 'none'; script-src 'sha256-" in page


def test_titles_stay_text(page: str) -> None:
    """A title that is a script is in the page only as data that cannot end its element."""
    assert "<script>window" not in page
    titles = figures_of(page)["map-text"]["data"][0]["text"]
    assert titles[0].startswith("&lt;script&gt;window.stolen = 1&lt;/script&gt;")
    assert unescape(titles[0]) == HOSTILE_TITLE[:89] + "…"
    assert titles[1] == "(no title)"


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """A folder without results is named, with what was expected."""
    with pytest.raises(ArtefactError, match="not a results folder of `llminit compare`"):
        write_report(tmp_path, tmp_path / "report.html")


def test_a_folder_without_finished_cells_is_refused(small: Path, tmp_path: Path) -> None:
    """A comparison without a finished cell makes no empty page, and no file is left."""
    empty = Plan(baselines=(), inits=(), controls=(), sizes=(), shares=(), histories=(), with_map=False)
    write_results(small, empty)
    with pytest.raises(DataError, match="no finished cell"):
        write_report(small, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_damaged_map_is_named(small: Path, tmp_path: Path) -> None:
    """A damaged map is named with what to do about it."""
    write_results(small, SMALL)
    (small / "maps").mkdir()
    (small / "maps" / f"{MAPPED}.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(ArtefactError, match=rf"{MAPPED}.parquet cannot be read .*delete it"):
        write_report(small, tmp_path / "report.html")


def test_a_map_without_text_is_left_out(small: Path) -> None:
    """A map whose items have no coordinates in text space is not shown."""
    write_results(small, SMALL)
    (small / "maps").mkdir()
    columns: dict[str, Any] = {name: pl.Series([None, None], dtype=pl.Float64) for name in ("x_text", "y_text")}
    columns |= {"item": [0, 1], "x_trained": [0.0, 1.0], "y_trained": [0.0, 1.0]}
    pl.DataFrame(columns | {"title": ["a", "b"], "popularity": [1, 2]}).write_parquet(
        small / "maps" / f"{MAPPED}.parquet"
    )
    assert "map" not in sections_of(page_of(ResultsFolder(small)))


@pytest.mark.parametrize("missing", ["jinja2", "plotly"])
def test_a_missing_extra_names_the_command(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jinja2 or without plotly, the error names the package and how to install the extra."""
    find_spec = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == missing else find_spec(name))
    with pytest.raises(MissingExtraError, match=rf"\({missing}\); .*pip install 'llminit\[report\]'"):
        write_report(tmp_path, tmp_path / "report.html")


def test_importing_the_report_does_not_load_torch() -> None:
    """A report is made from result files alone, without torch."""
    code = "import sys, llminit.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_results_are_never_replaced_by_the_page(tmp_path: Path) -> None:
    """An output that is a file of the results is refused before anything is read; an earlier page is replaced."""
    folder = write_results(tmp_path / "r", SMALL)
    before = (folder.path / "comparison.json").read_bytes()
    with pytest.raises(ConfigError, match=r"it is the input .*comparison\.json"):
        write_report(folder.path, folder.path / "comparison.json")
    assert (folder.path / "comparison.json").read_bytes() == before
    for _ in range(2):
        write_report(folder.path, folder.path / "report.html")

"""The page of results: it concludes what was shown, and no more."""

import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

import write_results as script
from llminit.results import ResultsFolder
from llminit.verdicts.judge import verdicts_of
from llminit.verdicts.record import Verdict
from results_page import conclusions
from results_page.markdown import gain, gain_in_words, share
from results_page.sources import DataSet, Plan, load_data_sets
from results_pages import PLANNED, parsed, rows_of, text_of, unfolded, values_of
from synthetic_results import SMALL, write_results

DOCS = Path(script.__file__).parent

CONFIRMED = """
[confirmation]
backbones = ["lightgcn"]
inits = ["whiten"]
baselines = ["popularity", "item-knn", "ease"]
controls = []
first_seed = 5
seeds = 4
"""


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


def test_each_data_set_begins_with_its_answer(data_sets: list[DataSet], page: str) -> None:
    """What is said first of a data set is the answer that the report gives, word for word."""
    for data in data_sets:
        answer = data.loaded.answer
        assert answer.chosen
        line = next(line for line in page.splitlines() if line.startswith(f"- **{data.short}:**"))
        assert line.startswith(f"- **{data.short}:** {answer.sentences[0]}")


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
    assert ours.p < ours.p_corrected
    assert f"p = {share(ours.p_corrected, 3)} among all that was compared here" in line
    assert f"p = {share(ours.p, 3)} as the one comparison" in line
    assert line.endswith("a gain is shown here too." if ours.p_corrected <= 0.05 else "here no difference is shown.")


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
    (first,) = [line for line in page.splitlines() if line.startswith("- **Beauty:**")]
    assert "To fit, " in line
    assert "To fit, " not in first
    assert "To fit, " in before
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

"""The progress that a comparison reports."""

from math import isfinite

import pytest

from llminit.cli.compare import _table
from watching import Compare, RecordingReporter


def test_progress(compare: Compare) -> None:
    """The reporter receives each cell's result, the best method so far and the time left."""
    reporter = RecordingReporter()
    compare(reporter=reporter, backbones="lightgcn,mf")
    assert reporter.total == reporter.done == 5
    assert sum(note.startswith("lightgcn_pca_embeddings_d8_seed-0: recall@10 0.") for note in reporter.notes) == 1
    assert any("best so far" in status and "+ pca 0." in status for status in reporter.statuses)
    assert [isfinite(guess) for guess in reporter.guesses].index(True) > 0  # Not before a cell of each kind is done.
    assert reporter.guesses[-1] == 0


def test_progress_of_a_resumed_comparison(compare: Compare) -> None:
    """What an earlier call finished counts as done from the start, and gives an estimate of the time left."""
    compare(seeds=1)
    reporter = RecordingReporter()
    compare(reporter=reporter, seeds=2)
    assert reporter.total == reporter.done == 2 * reporter.before
    assert reporter.guesses[0] > 0


def test_lists_of_other_lengths_are_shown(compare: Compare) -> None:
    """Where lists of ten are not measured, progress and table show the shortest that are."""
    reporter = RecordingReporter()
    folder = compare(reporter=reporter, ks="20,30")
    assert any("best so far" in status and "ndcg@20" in status for status in reporter.statuses)
    shown = _table(folder)
    assert shown["standard recall@20"].null_count() == shown["paper ndcg@20"].null_count() == 0


def test_other_versions_are_noted(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that other versions made is continued, with a note that names them."""
    compare()
    monkeypatch.setattr("llminit.comparison.run.versions", lambda: {"torch": "99.0"})
    reporter = RecordingReporter()
    folder = compare(reporter=reporter)
    assert any("torch" in note and "now 99.0" in note for note in reporter.notes)
    assert folder.header.versions == {"torch": "99.0"}

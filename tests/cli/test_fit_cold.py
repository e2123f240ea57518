"""`llminit fit --cold-share`: what is served to items and users that training has never seen."""

from pathlib import Path

import pytest

from command_line import Run
from planted import N_ITEMS


def test_as_a_process(run_process: Run, fit_options: list[str], tmp_path: Path) -> None:
    """A real process reports one row a point of the dial, and cold items are recommended better than chance."""
    options = [*fit_options, "--cold-share", 0.2, "--cold-users", 0.2, "--out", tmp_path / "r", "--json"]
    ran = run_process("fit", *options, LLMINIT_CACHE=str(tmp_path / "cache"))
    assert ran.code == 0, ran.stderr
    rows = ran.json["cold"]
    assert all(set(row) >= {"warm_loss", "recall@10", "ndcg@10", "exposure"} for row in rows)
    assert max(row["recall@10"] for row in rows) > 1.5 * 10 / N_ITEMS
    assert ran.json["new_users"]["n_users"] == 12
    assert ran.json["n_items"] == N_ITEMS


def test_people_see_a_table(run: Run, fit_options: list[str], tmp_path: Path) -> None:
    """Without --json, stdout shows the dial, what it costs and what it gains, and the new users; so does a page."""
    ran = run("fit", *fit_options, "--cold-share", 0.2, "--cold-users", 0.2, "--out", tmp_path / "r")
    assert ran.code == 0, ran.stderr
    for expected in ("8 items never seen in training", "warm_loss", "exposure", "12 users never seen in training"):
        assert expected in ran.stdout
    page = tmp_path / "page.html"
    assert run("report", tmp_path / "r", "--out", page).code == 0
    assert "8 items were kept out of training" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cold-share", 0.001], "holds out 0 of 40 items"),
        (["--cold-share", 1.5], "1.5"),
        (["--cold-share", 0.2, "--init", "xavier"], "needs a model that uses the items' text"),
        (["--cold-share", 0.2, "--backbone", "ease"], "needs a model that uses the items' text"),
    ],
)
def test_bad_input(run: Run, fit_options: list[str], tmp_path: Path, options: list[object], message: str) -> None:
    """A share that leaves nothing, and models without text, end with code 2 and a message; nothing is written."""
    ran = run("fit", *fit_options, *options, "--out", tmp_path / "r")
    assert ran.code == 2
    assert message in ran.stderr.replace("\n", " ").replace("--cold-share", "cold_share")
    assert not (tmp_path / "r").exists()

"""`llminit plan`: its formulas against slow ones, its command, its file of constants, and the page's tables."""

from pathlib import Path

import numpy as np
import pytest

import write_scale
from llminit.cli.main import main
from llminit.errors import ConfigError
from llminit.plan import Constants, Problem, plan, read_constants, write_constants
from llminit.plan import calibrate as calibrate_module
from llminit.plan import constants as constants_module
from llminit.plan.constants import shipped_constants
from llminit.plan.estimate import bytes_a_step
from llminit.plan.shown import count, duration, size

SIZES = {"users": 3000, "items": 500, "interactions": 100_000}


@pytest.mark.parametrize("negatives", ["rank", "shared"])
@pytest.mark.parametrize("ranks", [1, 2, 5])
def test_traffic_is_that_of_an_exchange_that_is_played_through(ranks: int, negatives: str) -> None:
    """Bytes a step are those of ranks that fetch their distinct rows from their owners and send gradients back."""
    rng = np.random.default_rng(0)
    dim, batch = 8, 60 * ranks
    sent = np.zeros((40, ranks))
    for step in range(len(sent)):
        users, items = rng.integers(0, 3000, (ranks, 60)), rng.integers(0, 500, (ranks, 60))
        for rank in range(ranks):
            columns = items[rank] if negatives == "rank" else items.reshape(-1)
            rows = np.concatenate([np.unique(users[rank]), 3000 + np.unique(columns)])
            owners = rows % ranks
            for other in set(range(ranks)) - {rank}:
                wanted = int((owners == other).sum())
                sent[step, rank] += 8 + 8 * wanted + 4 * dim * wanted
                sent[step, other] += 4 * dim * wanted
    problem = Problem.make(**SIZES, dim=dim, ranks=ranks, batch=batch, negatives=negatives)
    assert bytes_a_step(problem) == pytest.approx(sent.mean(), rel=0.02, abs=1e-9)


def test_a_step_and_an_epoch_follow_the_stated_formula() -> None:
    """The plan's figures are the formula of the page, written out by hand for two ranks."""
    constants = shipped_constants().model_copy(
        update={"product": 1e-10, "logit": 2e-9, "row_value": 3e-9, "step": 1e-3, "interaction": 1e-8}
    )
    problem = Problem(**SIZES, dim=10, ranks=2, batch=200, bandwidth=0.5, round_ms=2)
    found = plan(problem, constants)
    compute = 100 * 100 * (10 * 1e-10 + 2e-9) + 200 * 10 * 3e-9 + 1e-3
    assert found.step.compute == pytest.approx(compute)
    assert found.step.communication == pytest.approx(bytes_a_step(problem) / 0.5e9 + 2 * 2e-3)
    assert found.epoch.seconds == pytest.approx(500 * found.step.seconds + 100_000 * 1e-8)
    assert found.epoch.steps == 500
    assert found.memory.total == pytest.approx(sum(found.memory))
    assert found.memory.tables == pytest.approx(1750 * 16 * 10)
    assert found.memory.interactions == pytest.approx(100_000 * 72 + 3500 * 20)
    assert found.memory.evaluating == pytest.approx(3500 * 24 * 10)
    assert found.memory.of_others == pytest.approx(found.memory.total - found.memory.evaluating)


def test_one_rank_sends_nothing() -> None:
    """A single process has no exchange, whatever the bandwidth."""
    found = plan(Problem(**SIZES, bandwidth=1e-6), shipped_constants())
    assert found.step.sent_bytes == found.step.communication == 0


def test_the_page_is_what_the_shipped_constants_and_results_give() -> None:
    """The worked plans and all other tables of docs/scale.md are made again, and are the same."""
    page = write_scale.PAGE.read_text(encoding="utf-8")
    assert write_scale.written(page) == page


def test_the_command_prints_the_plan(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts may be written with units; the words hold the problem and the epoch of the library's plan."""
    monkeypatch.setattr(constants_module, "constants_path", lambda: Path("not there"))
    assert main(["plan", "--users", "10M", "--items", "1e6", "--interactions", "100M", "--ranks", "4"]) == 0
    words = capsys.readouterr().out
    found = plan(Problem(users=10**7, items=10**6, interactions=10**8, ranks=4), shipped_constants())
    assert "100 M interactions, 10 M users, 1 M items, d=64, batch 1024, 4 ranks" in words
    assert f"an epoch       {duration(found.epoch.seconds)}, 97.7 k steps" in words
    assert size(found.memory.total) in words


def test_json_holds_all_figures(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """With --json the figures are those of the library, by the constants of the file that is named."""
    import json

    constants = shipped_constants().model_copy(update={"step": 1.0, "machine": "a slow one"})
    write_constants(constants, tmp_path / "c.json")
    arguments = [
        "plan",
        "--users=30",
        "--items=20",
        "--interactions=1000",
        f"--constants={tmp_path / 'c.json'}",
        "--json",
    ]
    assert main(arguments) == 0
    answer = json.loads(capsys.readouterr().out)
    expected = plan(Problem(users=30, items=20, interactions=1000), constants).as_json()
    assert answer == json.loads(json.dumps(expected))
    assert answer["constants"]["machine"] == "a slow one"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--users=1M", "--items=5"], "--interactions are not given"),
        (["--users=1.5", "--items=5", "--interactions=9"], "is not a count"),
        (["--users=many", "--items=5", "--interactions=9"], "is not a count"),
        (["--users=inf", "--items=5", "--interactions=9"], "is not a count"),
        (["--users=0", "--items=5", "--interactions=9"], "users"),
        (["--users=1", "--items=5", "--interactions=9", "--bandwidth=0"], "bandwidth"),
        (["--users=1", "--items=5", "--interactions=9", "--negatives=all"], "negatives"),
        (["--users=1", "--items=5", "--interactions=9", "--constants=not-there.json"], "cannot read the constants"),
    ],
)
def test_bad_input_is_refused(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    """What cannot be planned is said, with exit code 2."""
    assert main(["plan", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_damaged_file_of_constants_is_refused(tmp_path: Path) -> None:
    """A file that is no file of constants is named, with what to do."""
    (tmp_path / "c.json").write_text('{"machine": "x"}')
    with pytest.raises(ConfigError, match=r"c\.json: .*measure this machine again"):
        read_constants(tmp_path / "c.json")


def test_calibration_finds_the_costs_that_steps_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the times of steps that follow the formula, the fit gives its four costs back."""
    costs = {"product": 9e-11, "logit": 3e-9, "row_value": 7e-9, "step": 6e-5}

    def seconds(batch: int, width: int, n_threads: int) -> float:
        on_pairs = batch * batch * (width * costs["product"] + costs["logit"])
        return on_pairs + 2 * batch * width * costs["row_value"] + costs["step"]

    monkeypatch.setattr(calibrate_module, "_seconds_a_step", seconds)
    monkeypatch.setattr(calibrate_module, "_interaction_cost", lambda _: 4e-8)
    monkeypatch.setattr(calibrate_module, "_base_bytes", lambda: 3e8)
    found = calibrate_module.calibrated("here", threads=1)
    assert {name: getattr(found, name) for name in costs} == pytest.approx(costs, rel=1e-3)
    assert (found.interaction, found.base_bytes, found.threads, found.machine) == (4e-8, 3e8, 1, "here")
    assert Constants.model_validate_json(found.model_dump_json()) == found


def test_figures_are_written_in_the_unit_that_fits() -> None:
    """Counts, bytes and seconds have three digits and a unit."""
    assert [count(value) for value in (999, 1500, 2.5e6, 1e10)] == ["999", "1.5 k", "2.5 M", "10 B"]
    assert [size(value) for value in (10, 1500, 2.5e9, 1e12)] == ["10 B", "1.5 kB", "2.5 GB", "1 TB"]
    assert [duration(value) for value in (0.0105, 12, 600, 7200, 864_000)] == [
        "10.5 ms",
        "12 s",
        "10 min",
        "2 h",
        "10 days",
    ]

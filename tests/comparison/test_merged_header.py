"""The header of a folder after several calls."""

from typing import Any

import pytest

from llminit.comparison.fingerprints import merged
from llminit.config import CompareConfig
from llminit.results import Header


def header(command: str = "llminit compare", machine: str = "Linux x86_64, 2 cores", **options: Any) -> Header:
    config = CompareConfig(**options).model_dump(mode="json")
    return Header(config=config, fingerprint="f", data={}, machine=machine, command=command)


def after(*calls: Header) -> Header:
    """Return the header of a folder after calls with these headers."""
    result = calls[0]
    for call in calls[1:]:
        result = merged(result, call)
    return result


def test_every_command_is_kept_once_in_order() -> None:
    """A call, even one that runs nothing, adds its command, and one that was made before adds nothing."""
    found = after(*map(header, ["compare --seeds 5", "compare", "compare --seeds 5", "", "compare --seeds 5 --json"]))
    assert found.command.splitlines() == ["compare --seeds 5", "compare", "compare --seeds 5 --json"]
    assert after(header(""), header("compare")).command == "compare"


def test_a_command_with_a_line_break_is_kept_once() -> None:
    """An argument that holds a line break does not make the list grow with each call."""
    several = header("compare --text '{title}\n{brand}'")
    assert after(header("compare"), several, several).command == f"compare\n{several.command}"


def test_every_machine_is_kept_once_in_order() -> None:
    """Cells may have been made on several machines; one whose name is the beginning of another's is another."""
    machines = ["Linux x86_64, 2 cores", "Linux x86_64, 2 cores and a GPU", "Linux x86_64, 2 cores", "", "Linux"]
    found = after(*(header(machine=machine) for machine in machines))
    assert found.machine == "Linux x86_64, 2 cores; Linux x86_64, 2 cores and a GPU; Linux"


@pytest.mark.parametrize(
    ("calls", "backbones"),
    [
        (["lightgcn,sgl", "sgl:3"], ["lightgcn", "sgl"]),
        (["lightgcn,sgl:3", "sgl,mf"], ["lightgcn", "sgl", "mf"]),
        (["sgl:3", "sgl:10", "sgl:2"], ["sgl:10"]),
        (["sgl:3", "sgcl:3"], ["sgl:3", "sgcl:3"]),
    ],
)
def test_a_backbone_is_listed_once_with_the_most_seeds(calls: list[str], backbones: list[str]) -> None:
    """Of several limits to the seeds of a backbone the largest is kept, and no limit is the largest."""
    assert after(*(header(backbones=names) for names in calls)).config["backbones"] == backbones


@pytest.mark.parametrize(
    ("calls", "baselines"),
    [
        (["all", "none"], ["all"]),
        (["none", "ease"], ["ease"]),
        (["ease", "none", "popularity"], ["ease", "popularity"]),
        (["none", "none"], ["none"]),
        (["ease", "all", "rp3beta"], ["all"]),
    ],
)
def test_a_call_without_baselines_keeps_those_of_others(calls: list[str], baselines: list[str]) -> None:
    """A call without baselines leaves those of other calls, and "none" is listed only where there are no others."""
    assert after(*(header(baselines=names) for names in calls)).config["baselines"] == baselines

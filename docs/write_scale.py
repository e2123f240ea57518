"""Writes the tables of docs/scale.md: the plans and the constants that were shipped, and what was measured.

python docs/write_scale.py
"""

import json
import re
from pathlib import Path
from typing import Any

from llminit.plan import Problem, plan
from llminit.plan.constants import shipped_constants
from llminit.plan.shown import table

HERE = Path(__file__).parent
PAGE = HERE / "scale.md"
RESULTS = HERE.parent / "benchmarks" / "results"
PAIRS_A_RANK = 1024
SIZES = {
    10_000_000: (1_000_000, 100_000, (1, 2)),
    100_000_000: (10_000_000, 1_000_000, (1, 4, 16)),
    1_000_000_000: (100_000_000, 10_000_000, (8, 16, 64)),
    10_000_000_000: (1_000_000_000, 100_000_000, (64, 128, 512)),
}
"""Interactions: users, items, and the ranks that are planned for."""


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def written(page: str) -> str:
    """Return the page with all tables as the constants and result files give them."""
    makers = {
        "plans": plans,
        "constants": constants,
        "plan": checked,
        "tables": out_of_core,
        "statistics": statistics,
        "growth": growth,
        "stragglers": stragglers,
        "failures": failures,
    }

    def section(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} -->\n{makers[match[1]]()}\n<!-- end -->"

    return re.sub(rf"<!-- ({'|'.join(makers)}) -->.*?<!-- end -->", section, page, flags=re.S)


def plans() -> str:
    """Return the worked plans."""
    problems = [
        Problem(users=users, items=items, interactions=n, ranks=ranks, batch=PAIRS_A_RANK * ranks)
        for n, (users, items, many) in SIZES.items()
        for ranks in many
    ]
    return table([plan(problem, shipped_constants()) for problem in problems])


def constants() -> str:
    """Return the shipped constants."""
    found = shipped_constants()
    rows = [
        f"| {name} | {value:.3g} | {found.__class__.model_fields[name].description} |"
        for name, value in found.model_dump().items()
        if isinstance(value, float)
    ]
    about = f"{found.machine}, {found.threads} thread{'s' * (found.threads > 1)} a process, {found.date}:"
    return "\n".join([about, "", "| constant | value | meaning |", "|---|--:|---|", *rows])


def checked() -> str:
    """Return the plan beside what was measured."""
    lines = [
        "| interactions | an epoch, s | planned, s | ratio | peak memory | planned | ratio |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in _result("plan").get("rows", []):
        times = f"{row['epoch_seconds']:.1f} | {row['planned_epoch_seconds']:.1f} | {row['epoch_ratio']:.2f}"
        memory = f"{row['peak_bytes'] / 1e9:.2f} GB | {row['planned_bytes'] / 1e9:.2f} GB | {row['memory_ratio']:.2f}"
        lines.append(f"| {row['interactions']:,} | {times} | {memory} |")
    return "\n".join(lines)


def out_of_core() -> str:
    """Return the rates of tables out of core."""
    lines = [
        "| work | rows | seconds | M rows/s | processor, s | peak memory | others' share of the cores |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in _result("out_of_core").get("rows", []):
        rate = f"{min(row['seconds']):.1f} | {row['rows_a_second'] / 1e6:.2f} | {row['cpu_seconds']:.1f}"
        others = max(row["notes"].values())
        lines.append(
            f"| {row['what']} | {row['n_rows']:,} | {rate} | {row['peak_bytes'] / 1e9:.2f} GB | {others:.0%} |"
        )
    return "\n".join(lines)


def statistics() -> str:
    """Return the rate of the statistics pass."""
    found = _result("statistics_pass")
    if not found:
        return "Not measured yet."
    rates = [found[f"{name}_bytes_a_second"] / 1e9 for name in ("statistics", "read")]
    return (
        f"{found['setting']}: {rates[0]:.2f} GB/s, beside {rates[1]:.2f} GB/s of reading the file alone "
        f"({found['share_of_read_rate']:.2f} of it)."
    )


def growth() -> str:
    """Return the times of an epoch in memory."""
    found = _result("softmax_growth")
    lines = [
        f"{found.get('setting', 'Not measured yet')}.",
        "",
        "| interactions | users | items | threads | an epoch, s | a step, processor ms | steps timed | peak memory |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in found.get("rows", []):
        counts = " | ".join(f"{row[name]:,}" for name in ("interactions", "users", "items", "threads"))
        share = f"{1000 * row['step_cpu_seconds']:.1f} | {row['share_of_steps']:.1%}"
        lines.append(f"| {counts} | {row['epoch_seconds']:.0f} | {share} | {row['peak_bytes'] / 1e9:.1f} GB |")
    return "\n".join(lines)


def stragglers() -> str:
    """Return the efficiencies of the simulation."""
    names = {
        "exchange_only": "exchange alone",
        "own_clock": "as measured, own clock",
        "some_slow": "own clock, 2 % of steps 1.5x",
        "one_slow_machine": "own clock, one machine 1.5x",
        "by_the_wall": "as measured, by the wall",
    }
    lines = [f"| ranks | {' | '.join(names.values())} |", f"|--:{'|--:' * len(names)}|"]
    rows = _result("stragglers").get("rows", [])
    lines += [f"| {row['ranks']} | {' | '.join(f'{row[name]:.0%}' for name in names)} |" for row in rows]
    return "\n".join(lines)


def failures() -> str:
    """Return the shares of time that are training where ranks fail."""
    lines = ["| a checkpoint every | time that is training |", "|--:|--:|"]
    rows = _result("stragglers").get("failures", [])
    lines += [f"| {row['checkpoint_minutes']:g} min | {row['share_trained']:.1%} |" for row in rows]
    return "\n".join(lines)


def _result(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


if __name__ == "__main__":
    main()

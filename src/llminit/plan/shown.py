"""A plan in words, and several as a table."""

from collections.abc import Sequence

from llminit.plan.estimate import Plan


def lines(plan: Plan) -> list[str]:
    """Return a plan as lines of text."""
    problem, memory, step, epoch, before = plan.problem, plan.memory, plan.step, plan.epoch, plan.before
    ranks = f"{problem.ranks} rank{'s' * (problem.ranks > 1)}"
    parts = {
        "tables": memory.tables,
        "interactions": memory.interactions,
        "a step": memory.step,
        "process": memory.base,
        "evaluating": memory.evaluating,
    }
    named = ", ".join(f"{name} {size(part)}" for name, part in parts.items())
    sizes = ", ".join((f"{count(problem.users)} users", f"{count(problem.items)} items", f"d={problem.dim}"))
    facts = {
        "problem": f"{count(problem.interactions)} interactions, {sizes}, batch {problem.batch}, {ranks}",
        "measured on": f"{plan.constants.machine}; {_threads(plan.constants.threads)} a rank; {plan.constants.date}",
        "memory": f"{size(memory.total)} on rank 0 ({named})"
        + (f", {size(memory.of_others)} on each other rank" if problem.ranks > 1 else ""),
        "a step": f"{duration(step.seconds)} (computing {duration(step.compute)}, exchange "
        f"{duration(step.communication)} for {size(step.sent_bytes)} sent a rank)",
        "an epoch": f"{duration(epoch.seconds)}, {count(epoch.steps)} steps, {size(epoch.sent_bytes)} sent a rank",
        "training": f"{duration(plan.training_seconds)} for {problem.epochs} epochs",
        "tables": f"{duration(before.tables_seconds)}, {size(before.tables_memory_bytes)} of memory and "
        f"{size(before.tables_disk_bytes)} of disk on one machine",
        "encoding": f"{duration(before.encoding_seconds)} on {ranks}, {size(before.embeddings_disk_bytes)} of disk",
        "statistics": f"{duration(before.statistics_seconds)} for a selector's pass over the text embeddings",
    }
    return [f"{name:15}{text}" for name, text in facts.items()]


HEADER = (
    "| interactions | users | items | ranks | memory of rank 0 | of others "
    "| a step | sent a step | an epoch | tables | encoding |\n"
    "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def table(plans: Sequence[Plan]) -> str:
    """Return plans as a Markdown table."""
    return "\n".join([HEADER, *map(_row, plans)])


def _row(plan: Plan) -> str:
    problem = plan.problem
    cells = [
        *(count(value) for value in (problem.interactions, problem.users, problem.items)),
        str(problem.ranks),
        size(plan.memory.total),
        size(plan.memory.of_others) if problem.ranks > 1 else "–",
        duration(plan.step.seconds),
        size(plan.step.sent_bytes),
        duration(plan.epoch.seconds),
        duration(plan.before.tables_seconds),
        duration(plan.before.encoding_seconds),
    ]
    return f"| {' | '.join(cells)} |"


def _threads(number: int) -> str:
    return f"{number} thread{'s' * (number > 1)}"


def count(value: float) -> str:
    """Return a count in thousands, millions or billions."""
    for unit, name in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.0f}"


def size(n_bytes: float) -> str:
    """Return bytes in the unit that fits."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.3g} {name}"
    return f"{n_bytes:.0f} B"


def duration(seconds: float) -> str:
    """Return seconds in the unit that fits."""
    for unit, name in ((172_800, "days"), (7200, "h"), (120, "min")):
        if seconds >= unit:
            return f"{seconds / (86_400 if name == 'days' else unit / 2):.3g} {name}"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"

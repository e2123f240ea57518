"""Which method a team would take: the one with the highest validation score, so that the test has no part in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from llminit.results.cell import Cell
from llminit.results.key import Method
from llminit.statistics.two_way import MIN_SEEDS
from llminit.verdicts.setting import main_setting
from llminit.verdicts.standing import standing_of


@dataclass(frozen=True)
class Choice:
    """The method that validation picks among the trained ones of the main setting.

    Attributes:
        method: With the highest mean validation score over `seeds`.
        n_candidates: How many methods it was picked from.
        seeds: The seeds that all candidates have, ascending.
        by_other_seeds: By seed, what the validation scores of the other seeds pick; empty below three seeds. A lucky
            training run raises the validation score and the test of its own seed; here it has no part in the choice.
    """

    method: Method
    n_candidates: int = 1
    seeds: tuple[int, ...] = ()
    by_other_seeds: Mapping[int, Method] = field(default_factory=dict)


def choose(cells: Iterable[Cell]) -> Choice | None:
    """Return the method that validation picks; None where there is none to pick, or nothing to pick it by.

    Args:
        cells: The finished cells.
    """
    by_key = {cell.key: cell for cell in cells}
    if not by_key:
        return None
    setting = main_setting(by_key)
    scores: dict[Method, dict[int, float]] = {}
    for key, cell in by_key.items():
        if key.kind == "backbone" and setting.holds(key):
            own = scores.setdefault(key.method, {})
            if (score := validation_score(cell)) is not None:
                own[key.seed] = score
    return choice_of(scores)


def choice_of(scores: Mapping[Method, Mapping[int, float]]) -> Choice | None:
    """Pick a method by its validation scores; one alone needs none.

    Args:
        scores: By method, one score a seed.
    """
    standing = standing_of(scores)
    if standing.best is None:
        return Choice(next(iter(scores))) if len(scores) == 1 else None
    seeds, by_other_seeds = standing.seeds, {}
    if len(seeds) >= MIN_SEEDS:
        for left_out in seeds:
            others = [seed for seed in seeds if seed != left_out]
            by_other_seeds[left_out] = max(
                standing.means, key=lambda method: sum(scores[method][seed] for seed in others)
            )
    return Choice(standing.best, len(standing.means), seeds, by_other_seeds)


def validation_score(cell: Cell) -> float | None:
    """Return the validation metric of the epoch that was kept; None where none was measured."""
    evaluated = [record["valid"] for record in cell.history or [] if record.get("valid") is not None]
    return max(evaluated, default=None)

"""The method that validation picks."""

from typing import Any

import pytest

from llminit.results import Cell, CellKey, Method
from llminit.verdicts.choice import Choice, choice_of, choose, validation_score
from llminit.verdicts.setting import Setting, main_setting

A, B, C = (Method(model="lightgcn", init=init, embedding_size=8) for init in ("xavier", "whiten", "pca"))


def cell(method: Method, seed: int, valid: float | None, recall: float = 0.1) -> Cell:
    history: list[dict[str, Any]] | None = None
    if valid is not None:
        history = [{"epoch": epoch, "valid": value} for epoch, value in enumerate((valid / 2, valid, None, valid / 3))]
    key = CellKey(**method.model_dump(), seed=seed)
    return Cell(key=key, fingerprint="f", split="s", metrics={"standard": {"recall@10": recall}}, history=history)


def test_the_test_has_no_part_in_the_choice() -> None:
    """The highest mean validation score over the seeds that all have is picked, whatever the test says."""
    cells = [cell(A, seed, 0.10, recall=0.9) for seed in range(3)] + [cell(B, seed, 0.11) for seed in range(4)]
    choice = choose(cells)
    assert choice is not None
    assert (choice.method, choice.n_candidates, choice.seeds) == (B, 2, (0, 1, 2))


def test_only_trained_methods_of_the_main_setting_are_candidates() -> None:
    """Controls, baselines and methods on less data are not picked, however high they are."""
    others = [A.model_copy(update={"init": "whiten/noise"}), A.model_copy(update={"train_share": 0.5})]
    cells = [cell(A, 0, 0.1), cell(A, 1, 0.1), *(cell(each, 0, 0.9) for each in (*others, Method(model="ease")))]
    choice = choose(cells)
    assert choice is not None
    assert (choice.method, choice.n_candidates) == (A, 1)


def test_the_other_seeds_pick_without_the_luck_of_one() -> None:
    """At each seed stands what all other seeds together pick."""
    scores = {A: {0: 0.5, 1: 0.1, 2: 0.1}, B: {0: 0.2, 1: 0.2, 2: 0.2}}
    assert choice_of(scores) == Choice(A, 2, (0, 1, 2), {0: B, 1: A, 2: A})


def test_nothing_is_picked_without_validation() -> None:
    """Several methods without a score leave nothing to pick by; one alone needs none; no cells are no error."""
    assert choose([]) is None
    assert choose([cell(A, 0, None), cell(B, 0, None)]) is None
    alone = choose([cell(A, 0, None)])
    assert alone is not None
    assert alone.method == A


@pytest.mark.parametrize(("valid", "expected"), [(0.2, 0.2), (None, None)])
def test_the_score_is_that_of_the_epoch_that_was_kept(valid: float | None, expected: float | None) -> None:
    """Early stopping keeps the epoch with the highest score; epochs that were not validated do not count."""
    assert validation_score(cell(A, 0, valid)) == expected


def test_the_main_setting_has_all_data_and_the_usual_size() -> None:
    """Less data and rarer sizes are not the main setting; text at full width, of its own size, belongs to it."""
    rare = [each.model_copy(update={"embedding_size": 16}) for each in (A, B)]
    thin = [each.model_copy(update={"train_share": 0.5}) for each in (A, B, C)] * 3
    setting = main_setting([A, B, C, *rare, *thin])
    assert setting == Setting(8, 1.0, None)
    assert setting.holds(A.model_copy(update={"init": "full", "embedding_size": 384}))
    assert setting.holds(Method(model="ease"))
    assert not any(map(setting.holds, [*rare, *thin, Method(model="ease", train_share=0.5)]))

"""What all ranks must have been started with, and what is trained over ranks at all."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llminit.config import FitConfig
from llminit.distributed.agreement import check_agreement
from llminit.distributed.ranks import Ranks
from llminit.errors import ConfigError, RanksError
from llminit.pipeline.over_ranks import check_over_ranks, facts_of
from llminit.pipeline.presets import with_preset
from rank_threads import Threads


def agree(*facts: dict[str, Any]) -> list[str]:
    """Return what each rank hears; empty where it hears nothing."""

    def work(group: Any) -> str:
        try:
            check_agreement(group, facts[group.rank])
        except RanksError as error:
            return str(error)
        return ""

    return Threads(len(facts)).run(work)


def test_ranks_that_agree_start() -> None:
    """Equal facts, and those that a rank does not know, are no difference."""
    assert agree({"seed": 1, "data": "ab"}, {"seed": 1, "data": "ab"}, {"seed": 1, "data": None}) == ["", "", ""]


def test_all_ranks_hear_what_differs_where() -> None:
    """Every difference is named with the ranks that have each value, the same to all."""
    facts: dict[str, Any] = {"llminit's version": "0.1.0", "seed": 1}
    heard = agree(facts, facts | {"seed": 2}, facts | {"llminit's version": "0.2.0"})
    assert len(set(heard)) == 1
    assert "llminit's version is 0.1.0 on ranks 0, 1, but 0.2.0 on rank 2" in heard[0]
    assert "seed is 1 on ranks 0, 2, but 2 on rank 1" in heard[0]


def test_facts_are_versions_options_and_files(tmp_path: Path) -> None:
    """The facts change with an option and with a byte of a file; what a rank does not see is not known to it."""
    path = tmp_path / "interactions.csv"
    path.write_text("user_id,item_id\n1,2\n")
    first = facts_of(FitConfig(), "rank", "cpu", interactions=path)
    path.write_text("user_id,item_id\n1,3\n")
    second = facts_of(FitConfig(seed=3), "rank", "cpu", interactions=str(path))
    assert {name for name in first if first[name] != second[name]} == {"seed", "the checksum of interactions"}
    absent = facts_of(FitConfig(), "rank", "cpu", interactions=tmp_path / "nowhere.csv")
    assert absent["the checksum of interactions"] is None
    assert {"llminit's version", "torch's version", "negatives", "device"} <= first.keys()


def ranks_of(size: int) -> Any:
    return Ranks(SimpleNamespace(size=size))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"backbone": "sgl"}, "'sgl' is not trained over ranks, expected one of softmax, history, lightgcn, mf, sgcl"),
        ({"backbone": "ease"}, "trains nothing that ranks could share, expected one of softmax, history"),
        ({"backbone": "softmax", "backbone_options": {"loss": "sl@k"}}, "softmax with loss='sl@k' is not trained"),
        ({"backbone": "softmax", "backbone_options": {"n_layers": 1}}, "softmax with n_layers is not trained"),
        ({"backbone": "history", "backbone_options": {"anchor_weight": 1.0}}, "with anchor_weight is not trained"),
        ({"backbone": "lightgcn", "embedding_size": 3}, "expected at least 4 for as many ranks"),
    ],
)
def test_what_is_not_trained_over_ranks_is_refused(options: dict[str, Any], reason: str) -> None:
    """The error names what was asked for, and the backbones that can."""
    with pytest.raises(ConfigError, match=reason):
        check_over_ranks(FitConfig(**options), ranks_of(4))


@pytest.mark.parametrize("preset", ["fast", "best", "max"])
def test_all_presets_are_trained_over_ranks(preset: Any) -> None:
    """Presets train softmax, alone or in a mixture, whose other part rank 0 fits."""
    check_over_ranks(with_preset(FitConfig(preset=preset)), ranks_of(4))


def test_one_process_takes_everything() -> None:
    """Without ranks nothing is refused."""
    check_over_ranks(FitConfig(backbone="sgl"), None)

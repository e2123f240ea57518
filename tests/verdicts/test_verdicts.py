"""What a results folder shows, pair by pair, and that its claims are right as often as they say."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from llminit.arrays import AnyArray
from llminit.errors import ArtefactError, ConfigError
from llminit.results import Cell, CellKey, Method, ResultsFolder
from llminit.statistics.two_way import compare_paired
from llminit.verdicts.certainty import often_missed
from llminit.verdicts.compare import Compared
from llminit.verdicts.families import Pair, pairs_of
from llminit.verdicts.judge import judge, judgement_of, verdicts_of
from llminit.verdicts.record import Verdict
from llminit.verdicts.wording import NOT_JUDGED, headline, sentence_of
from simulated_hits import simulated_hits

XAVIER = Method(model="lightgcn", init="xavier", embedding_size=8)
TEXT = Method(model="lightgcn", init="variance", encoder="mini", embedding_size=8)
SHUFFLED = TEXT.model_copy(update={"init": "variance/shuffled"})
EASE = Method(model="ease")
POPULARITY = Method(model="popularity")
N_USERS = 400


def split_of(seed: int, n_users: int = N_USERS) -> pl.DataFrame:
    items = np.random.default_rng(seed).integers(0, 50, n_users)
    ones = np.ones(n_users, dtype=np.int32)
    return pl.DataFrame({"user": np.arange(n_users), "item": items, "user_degree": ones, "item_popularity": ones})


def add(folder: ResultsFolder, method: Method, seed: int, hits: AnyArray, split: str | None = None) -> None:
    """Write a cell whose users have their test item at rank 5 where they hit, else at rank 500; validation is alike."""
    key = CellKey(**method.model_dump(), seed=seed)
    name = split or key.split_name
    if not folder.has_split(name):
        folder.write_split(name, split_of(seed, len(hits)))
    ranks = np.where(hits > 0, 5, 500).astype(np.uint16)
    recall = float(hits.mean())
    history = [] if method.kind == "baseline" else [{"epoch": 1, "loss": 0.1, "valid": recall, "seconds": 1.0}]
    metrics = {"standard": {"recall@10": recall}}
    cell = Cell(key=key, fingerprint="f", split=name, metrics=metrics, history=history or None)
    folder.write_cell(
        cell, pl.DataFrame({"standard": ranks, "paper": np.minimum(ranks + 1000, 1001).astype(np.uint16)})
    )


def folder_of(
    path: Path, rates: dict[Method, float], n_seeds: int = 5, n_users: int = N_USERS, draw: int = 0
) -> ResultsFolder:
    """Make a folder where each method's probit shift over a rate of .12 is given."""
    folder = ResultsFolder(path)
    hits = simulated_hits(
        np.random.default_rng(draw), len(rates), n_seeds, n_users, seed_sd=0.02, shifts=list(rates.values())
    )
    for method, by_seed in zip(rates, hits, strict=True):
        for seed in range(n_seeds):
            add(folder, method, seed, by_seed[seed])
    return folder


def values_of(folder: ResultsFolder, metric: str = "recall@10") -> dict[Method, dict[int, float]]:
    found: dict[Method, dict[int, float]] = {}
    for cell in folder.cells():
        found.setdefault(cell.key.method, {})[cell.key.seed] = cell.metrics["standard"][metric]
    return found


def by_names(verdicts: list[Verdict]) -> dict[tuple[str, str, str], Verdict]:
    return {(each.family, each.label, each.reference_label): each for each in verdicts}


def test_every_pair_and_no_other_is_compared() -> None:
    """Text starts meet xavier and their own controls; all starts meet all baselines; settings are never mixed."""
    wide, thin = (
        each.model_copy(update=u) for each, u in ((TEXT, {"embedding_size": 16}), (EASE, {"train_share": 0.5}))
    )
    other = TEXT.model_copy(update={"encoder": "other"})
    found = set(pairs_of([XAVIER, TEXT, SHUFFLED, EASE, wide, thin, other]))
    assert found == {
        Pair("init", TEXT, XAVIER),
        Pair("init", other, XAVIER),
        Pair("control", TEXT, SHUFFLED),
        *(Pair("baseline", each, EASE) for each in (XAVIER, TEXT, wide, other)),
    }


def test_a_question_is_asked_for_each_backbone_or_once() -> None:
    """A second backbone asks of its own starts, but of the baselines what the first one asks."""
    others = [each.model_copy(update={"model": "sgl"}) for each in (XAVIER, TEXT, SHUFFLED)]
    questions = [each.question for each in pairs_of([XAVIER, TEXT, SHUFFLED, *others, EASE, POPULARITY])]
    assert sorted(questions.count(each) for each in set(questions)) == [1, 1, 1, 1, 8]


def test_a_verdict_holds_the_numbers_of_its_comparison(tmp_path: Path) -> None:
    """Means, gain, p-values, effects and role are those computed from the hits that were written."""
    folder = folder_of(tmp_path, {XAVIER: 0, TEXT: 0.8, SHUFFLED: 0, EASE: 0.3, POPULARITY: -1})
    judged = judgement_of(folder)
    verdicts = by_names(judged.verdicts["standard"])
    assert len(verdicts) == 6
    assert judged.choice is not None
    assert (judged.choice.method, judged.choice.n_candidates) == (TEXT, 2)
    found = verdicts["init", "lightgcn + variance", "lightgcn + xavier"]
    means: dict[Method, list[float]] = {cell.key.method: [] for cell in folder.cells()}
    for cell in folder.cells():
        means[cell.key.method].append(cell.metrics["standard"]["recall@10"])
    assert found.mean == pytest.approx(np.mean(means[TEXT]))
    assert found.gain == pytest.approx(np.mean(means[TEXT]) / np.mean(means[XAVIER]) - 1)
    assert found.p_seed == pytest.approx(stats.ttest_rel(means[TEXT], means[XAVIER]).pvalue)
    assert (found.n_seeds, found.n_users, found.n_comparisons, found.outcome) == (5, N_USERS, 3, "better")
    low, high = found.user_interval
    assert 0 < low < found.gain < high
    primary = {name for name, each in verdicts.items() if each.is_primary}
    text = "lightgcn + variance"
    assert primary == {
        ("init", text, "lightgcn + xavier"),
        ("baseline", text, "ease"),
        ("baseline", text, "popularity"),
    }
    assert not any(each.is_primary for each in judged.verdicts["paper"])
    assert {each.n_comparisons for each in verdicts.values() if not each.is_primary} == {3 + 6}
    assert all(each.p_corrected >= each.p for each in verdicts.values())
    assert verdicts["baseline", text, "popularity"].outcome == "better"
    assert verdicts["baseline", "lightgcn + xavier", "ease"].outcome == "worse"


def test_nothing_exploratory_is_claimed_where_the_question_is_not_answered(tmp_path: Path) -> None:
    """Where one baseline is not beaten, even the plainest other difference is no claim, in either protocol."""
    folder = folder_of(tmp_path, {XAVIER: 0, TEXT: 0.8, SHUFFLED: 0, EASE: 0.8, POPULARITY: -1})
    judged = judgement_of(folder)
    verdicts = [each for own in judged.verdicts.values() for each in own]
    assert [each.reference_label for each in verdicts if each.is_primary and each.outcome != "better"] == ["ease"]
    exploratory = [each for each in verdicts if not each.is_primary]
    assert min(each.p for each in exploratory) < 1e-4
    assert {each.outcome for each in exploratory} == {"no difference shown"}
    lines = headline(judged.verdicts["standard"], values_of(folder))
    assert NOT_JUDGED in lines
    assert not any("Controls" in line or "controls" in line for line in lines)


def test_only_common_seeds_are_compared(tmp_path: Path) -> None:
    """A method with fewer seeds is compared on those; one without a common seed is left out."""
    folder = folder_of(tmp_path, {XAVIER: 0, TEXT: 0.5}, n_seeds=4)
    hits = np.tile([1.0, 0.0, 0.0, 0.0], N_USERS // 4)
    add(folder, EASE, 1, hits)
    add(folder, POPULARITY, 9, hits)
    verdicts = verdicts_of(folder)
    assert {each.reference_label: each.n_seeds for each in verdicts} == {"lightgcn + xavier": 4, "ease": 1}


def test_users_evaluated_at_every_seed_are_compared(tmp_path: Path) -> None:
    """Where seeds test different users, those tested at all of them count."""
    folder = ResultsFolder(tmp_path)
    for seed, n_users in enumerate((300, 250, 280)):
        for method in (XAVIER, TEXT):
            add(folder, method, seed, np.arange(n_users) % 2)
    assert [each.n_users for each in verdicts_of(folder)] == [250]


def test_different_test_rows_are_an_error(tmp_path: Path) -> None:
    """Two methods that were tested on different splits at one seed are never paired."""
    folder = folder_of(tmp_path, {XAVIER: 0}, n_seeds=1)
    add(folder, TEXT, 0, np.ones(N_USERS), split="elsewhere")
    with pytest.raises(ArtefactError, match=r"different interactions at seed 0: the splits"):
        verdicts_of(folder)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"metric": "recall@2000"}, "lower its k"), ({"metric": "auc"}, "auc"), ({"protocol": "papier"}, "papier")],
)
def test_bad_options_are_named(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    """A metric or protocol that is not in the results is refused."""
    with pytest.raises(ConfigError, match=words):
        verdicts_of(folder_of(tmp_path, {XAVIER: 0}, n_seeds=1), **options)


def test_protocols_are_told_apart(tmp_path: Path) -> None:
    """Verdicts come from the ranks of the protocol that is asked for: here nobody hits under `paper`."""
    folder = folder_of(tmp_path, {XAVIER: 0, TEXT: 0.5}, n_seeds=3)
    (found,) = verdicts_of(folder, protocol="paper")
    assert (found.mean, found.p, found.outcome) == (0, 1, "no difference shown")
    assert sentence_of(found) == (
        "lightgcn + variance was not shown to differ from lightgcn + xavier in recall@10 (paper) (0.0000 against "
        "0.0000), exploratory, p = 1, 3 seeds"
    )


def example(**changes: Any) -> Verdict:
    hits = simulated_hits(np.random.default_rng(0), 2, 5, 100)
    (verdict,) = judge(
        [Compared(Pair("init", TEXT, XAVIER), "standard", compare_paired(*hits), (0.0, 0.1), is_primary=True)],
        {TEXT: "lightgcn + variance", XAVIER: "lightgcn + xavier"},
        "recall@10",
    )
    base: dict[str, Any] = {
        "n_seeds": 5,
        "covers_training": True,
        "outcome": "better",
        "gain": 0.041,
        "interval": (0.012, 0.07),
    }
    return dataclasses.replace(
        verdict, **(base | {"p_corrected": 0.01, "n_comparisons": 1, "detectable": 0.05} | changes)
    )


SENTENCES: dict[str, dict[str, Any]] = {
    "lightgcn + variance beats lightgcn + xavier by 4.1 % [1.2, 7.0] in recall@10 (standard), p = .01, 5 seeds": {},
    (
        "lightgcn + variance loses to lightgcn + xavier by 4.1 % [1.2, 7.0] in recall@10 (standard), p < .001 "
        "(corrected for 3 comparisons), 5 seeds"
    ): {"outcome": "worse", "gain": -0.041, "interval": (-0.07, -0.012), "p_corrected": 2e-4, "n_comparisons": 3},
    (
        "lightgcn + variance was not shown to differ from lightgcn + xavier in recall@10 (standard): +0.8 % [−2.1, "
        "3.7], p = .41, 5 seeds; a difference of less than about 5 % would often be missed"
    ): {"outcome": "no difference shown", "gain": 0.008, "interval": (-0.021, 0.037), "p_corrected": 0.41},
    (
        "lightgcn + variance beats lightgcn + xavier by 4.1 % [1.2, 7.0] in recall@10 (standard), p = .01, 1 seed; "
        "this holds for these trained models, and another training run may differ"
    ): {"n_seeds": 1, "covers_training": False},
    (
        "lightgcn + variance beats lightgcn + xavier by 4.1 % [1.2, 7.0] in recall@10 (standard), exploratory, p = .01 "
        "(corrected for 40 comparisons), 5 seeds"
    ): {"is_primary": False, "n_comparisons": 40},
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentences(sentence: str) -> None:
    """Each outcome is said in words that claim no more than was shown."""
    assert sentence_of(example(**SENTENCES[sentence])) == sentence


def test_headline_begins_with_the_answer_and_ends_with_how_sure(tmp_path: Path) -> None:
    """The answer first, then what was picked and what it beats, what is exploratory, and what the seeds cover."""
    folder = folder_of(tmp_path, {XAVIER: 0, TEXT: 0.8, SHUFFLED: 0, EASE: 0.3, POPULARITY: -1})
    lines = headline(verdicts_of(folder), values_of(folder))
    text = " ".join(lines)
    assert lines[0].startswith("Use lightgcn + variance: of 1,000 users, ")
    assert "Picked by validation and then tested (recall@10, standard protocol): lightgcn + variance beats" in text
    assert "highest mean (recall@10, standard protocol) is that of" in text
    assert "Exploratory: controls: lightgcn + variance beats the same with its items shuffled (+" in text
    assert lines[-1].startswith("How sure: 5 seeds")
    assert "the chance that any claim of the whole comparison is false" in lines[-1]
    assert "significant" not in text


def test_the_highest_mean_of_the_test_is_not_what_is_recommended(tmp_path: Path) -> None:
    """What validation picks is the question, although another method is higher on the test."""
    folder = folder_of(tmp_path, {XAVIER: 0, TEXT: 0.6, EASE: 0.2})
    lucky = TEXT.model_copy(update={"init": "pca"})
    for seed in range(5):
        add(folder, lucky, seed, np.ones(N_USERS))
    for cell in folder.cells():
        if cell.key.method == lucky:
            ranks = folder.ranks(cell)
            history = [{"epoch": 1, "loss": 0.1, "valid": 0.01, "seconds": 1.0}]
            kept = pl.DataFrame({name: ranks[name].ranks.astype(np.uint16) for name in ("standard", "paper")})
            folder.write_cell(cell.model_copy(update={"history": history}), kept)
    judged = judgement_of(folder)
    assert judged.choice is not None
    assert judged.choice.method == TEXT
    lines = headline(judged.verdicts["standard"], values_of(folder))
    assert "lightgcn + variance" in lines[0]
    assert any("highest mean" in line and "lightgcn + pca" in line for line in lines)


def test_only_intervals_without_zero_are_called_too_few_seeds() -> None:
    """A difference whose interval holds 0, and one that was shown, need no word about seeds."""
    plain = example(outcome="no difference shown", interval=(-0.01, 0.05))
    assert often_missed([plain, example()]) == ""
    short = example(outcome="no difference shown", n_comparisons=8, detectable=0.12)
    assert "with 5 seeds, and corrected for 8 comparisons, a difference of less than about 12 %" in often_missed(
        [short]
    )
    both = [short, dataclasses.replace(short, detectable=0.2)]
    assert "about 12 to 20 %" in often_missed(both)


def test_text_at_full_width_can_be_the_best(tmp_path: Path) -> None:
    """A start at the encoder's width, for which there is no xavier, is judged beside those of the chosen size."""
    full = TEXT.model_copy(update={"init": "full", "embedding_size": 64})
    folder = folder_of(tmp_path, {XAVIER: 0, TEXT: 0.2, full: 0.9, EASE: 0.1})
    lines = headline(verdicts_of(folder), values_of(folder))
    assert lines[0].startswith("Use lightgcn + full (d=64)")
    assert "lightgcn + full (d=64) beats ease" in " ".join(lines)
    assert "variance" in " ".join(lines)


def test_headline_of_one_seed_warns(tmp_path: Path) -> None:
    """One seed is never presented as if it covered another training run."""
    folder = folder_of(tmp_path, {XAVIER: 0, TEXT: 0.5}, n_seeds=1)
    assert "says nothing of another training run" in headline(verdicts_of(folder), values_of(folder))[-1]
    assert headline([], {}) == []


def test_headline_compares_means_over_the_same_seeds(tmp_path: Path) -> None:
    """A method that ran on one easy split only neither wins for that nor lends its split to the others' means."""
    folder = ResultsFolder(tmp_path)
    levels = {EASE: [60, 50, 50, 50, 50], TEXT: [61, 53, 53, 53, 53], XAVIER: [40, 30, 30, 30, 30]}
    levels[XAVIER.model_copy(update={"model": "sgl"})] = [90]
    for method, by_seed in levels.items():
        for seed, n_hits in enumerate(by_seed):
            add(folder, method, seed, (np.arange(N_USERS) < n_hits).astype(float))
    lines = headline(verdicts_of(folder), values_of(folder))
    (line,) = [line for line in lines if line.startswith("The highest mean")]
    mean = np.mean([61, 53, 53, 53, 53]) / 400
    assert f"5 seeds that all of these have) is that of lightgcn + variance: {mean:.4f}" in line
    assert "lightgcn + variance" in lines[0]
    assert "fewer than 3 seeds is about these trained models alone" in lines[-1]

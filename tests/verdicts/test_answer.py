"""The answer that a product manager reads: no stronger than the verdicts, and in numbers of people."""

from typing import Any

import pytest

from llminit.results import Method
from llminit.verdicts.answer import Answer, answer_of
from llminit.verdicts.families import Family
from llminit.verdicts.record import Outcome, Verdict

TEXT = Method(model="sgcl", init="whiten", encoder="mini", embedding_size=8)
XAVIER = TEXT.model_copy(update={"init": "xavier", "encoder": None})
SVD = TEXT.model_copy(update={"init": "svd", "encoder": None})


def verdict(reference: str | Method, outcome: Outcome = "better", mean: float = 0.1524, **changes: Any) -> Verdict:
    is_init = isinstance(reference, Method)
    method = reference if isinstance(reference, Method) else Method(model=reference)
    theirs = changes.pop("reference_mean", 0.138)
    family: Family = "init" if is_init else "baseline"
    values: dict[str, Any] = {
        "family": family,
        "method": TEXT,
        "reference": method,
        "label": "sgcl + whiten",
        "reference_label": method.label,
        "metric": "recall@10",
        "protocol": "standard",
        "n_seeds": 5,
        "n_users": 400,
        "mean": mean,
        "reference_mean": theirs,
        "gain": mean / theirs - 1,
        "interval": (0.01, 0.2),
        "user_interval": (0.01, 0.2),
        "p": 0.01,
        "p_corrected": 0.02,
        "p_user": 0.01,
        "p_seed": 0.01,
        "effect_user": 0.1,
        "effect_seed": 1.0,
        "alpha": 0.05,
        "n_comparisons": 3,
        "is_primary": True,
        "detectable": 0.12,
        "covers_training": True,
        "outcome": outcome,
    }
    return Verdict(**(values | changes))


def test_use_it() -> None:
    """Better than every baseline: use it, with people counted beside the best baseline, and the text's part in it."""
    found = answer_of(
        [verdict("ease"), verdict("item-knn", reference_mean=0.12), verdict(XAVIER, reference_mean=0.141)]
    )
    assert found.advice == "use"
    assert found.sentences == (
        (
            "Use sgcl + whiten: of 1,000 users, 152 find their held-out item among the first 10, against 138 with the "
            "best baseline, ease."
        ),
        "The text is part of it: the same model from xavier, without text, has 141 against 152.",
    )
    assert [each.reference_label for each in found.beaten] == ["ease", "item-knn"]


def test_do_not_bother() -> None:
    """A baseline that is as good as was shown, or better, is what to use, and the sentence says which and why."""
    lost = answer_of([verdict("ease", "worse", mean=0.12), verdict("popularity", reference_mean=0.02)])
    assert lost.advice == "do not bother"
    assert lost.sentences[0] == (
        "Do not bother: use ease, which was shown to be better and needs no training from embeddings. With sgcl + "
        "whiten, of 1,000 users, 120 find their held-out item among the first 10, against 138 with ease."
    )
    equal = answer_of([verdict("ease", "no difference shown", mean=0.137)])
    assert equal.sentences[0].startswith("Do not bother: use ease, which was not shown to be worse")
    hopeless = answer_of([verdict("ease", "no difference shown", mean=0.1385)])
    assert hopeless.advice == "do not bother"
    assert "138.5 find" in hopeless.sentences[0]


def test_more_seeds_would_tell() -> None:
    """A gain that so few seeds would often miss is not decided, unless too many seeds would be needed to tell."""
    found = answer_of([verdict("ease", "no difference shown"), verdict("popularity", reference_mean=0.02)])
    assert (found.advice, found.seeds_needed) == ("not decided", 7)
    assert found.sentences[0] == (
        "Not decided between sgcl + whiten and ease: of 1,000 users, 152 find their held-out item among the first 10 "
        "with the former, against 138 with the latter, and so few seeds would often miss such a gain; about 7 would "
        "tell."
    )
    assert answer_of([verdict("ease", "no difference shown", detectable=0.3)]).advice == "do not bother"


def test_few_seeds_decide_nothing() -> None:
    """What was shown of these trained models alone is no advice to use them, and the answer says what is missing."""
    found = answer_of([verdict("ease", n_seeds=1, covers_training=False)])
    assert found.advice == "not decided"
    assert found.sentences[-1] == (
        "With one seed this is about these trained models, and another training run may differ: compare with at least "
        "3 seeds, better 5, before you ship."
    )


def test_no_number_of_seeds_is_named_that_is_not_known() -> None:
    """Where one baseline has run for too few seeds, what it would take is not known, and none is made up."""
    few = verdict("item-knn", "no difference shown", reference_mean=0.13, n_seeds=2, covers_training=False)
    found = answer_of([verdict("ease", "no difference shown", detectable=0.3), few])
    assert found.advice == "not decided"
    assert "None" not in found.sentences[0]
    assert found.sentences[0].endswith("against 138 with the latter.")


def test_without_baselines_or_without_anything() -> None:
    """What was not run is said to be missing, and nothing is recommended."""
    alone = answer_of([verdict(XAVIER)])
    assert alone.advice == "nothing to compare"
    assert alone.sentences[0].startswith("No baseline was run beside sgcl + whiten")
    for nothing in ([], [verdict("ease", is_primary=False)]):
        assert answer_of(nothing) == Answer("nothing to compare", sentences=answer_of([]).sentences)
    assert answer_of([]).sentences[0].startswith("Nothing can be recommended yet")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (verdict(XAVIER, "worse"), "The text does harm"),
        (verdict(XAVIER, "no difference shown"), "That the text is part of it was not shown"),
        (verdict("ease", method=XAVIER), "Text is no part of it: the start that validation picked is xavier"),
        (verdict("ease", method=SVD), "Text is no part of it: the start that validation picked is svd"),
    ],
)
def test_the_part_of_the_text(found: Verdict, words: str) -> None:
    """Whether the text has a part in the gain is said apart, and no more than was shown."""
    assert any(sentence.startswith(words) for sentence in answer_of([verdict("ease"), found][::-1]).sentences)


def test_items_are_counted_where_users_have_several() -> None:
    """Where a user has several held-out items, or the metric is another, the sentence does not count users."""
    sentence = answer_of([verdict("ease")], leave_one_out=False).sentences[0]
    assert "of 1,000 held-out items, 152 are among the first 10 of their user, against 138" in sentence
    sentence = answer_of([verdict("ease", metric="ndcg@10")]).sentences[0]
    assert "its ndcg@10 is 0.1524, against 0.1380" in sentence

"""From questions to answers: those that ask for the same kind of list are answered by one matrix product."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.errors import LLMInitError, UnknownIdError
from llminit.recommender import Recommender
from llminit.recommender.choice import Candidates
from llminit.recommender.folding import for_histories
from llminit.recommender.histories import history_matrix
from llminit.recommender.ranking import best_lists
from llminit.serving.ann import best_by_index
from llminit.serving.model import Model
from llminit.serving.schemas import RecommendRequest

Found = tuple[Sequence[IntArray], Sequence[FloatArray]]
Answer = list[dict[str, Any]]

_ADD_USER = "; send what the user has as history, or to /interactions first"
_SKIP_ITEM = "; leave it out of the history, or send skip_unknown"


def answer(model: Model, questions: Sequence[RecommendRequest], encoder: Any = None) -> list[Answer | Exception]:
    """Return, for each question, the items in the form of `schemas.Recommended`, or the error that it meets.

    Args:
        model: What answers.
        questions: Any.
        encoder: The model's encoder, opened, for questions in words.
    """
    answers: list[Answer | Exception] = [[] for _ in questions]
    groups: dict[str, list[int]] = defaultdict(list)
    for row, question in enumerate(questions):
        groups[_group(question)].append(row)
    for rows in groups.values():
        asked = [questions[row] for row in rows]
        for row, found in zip(rows, _answer_alike(model, asked, encoder), strict=True):
            answers[row] = found
    return answers


def wanted(question: RecommendRequest) -> int:
    """Return how many of the best items have to be looked at."""
    return question.offset + question.k + (0 if question.diversity else len(question.exclude))


def _group(question: RecommendRequest) -> str:
    """Return what questions must have in common to be answered together."""
    kind = "user" if question.user_id is not None else "history" if question.history is not None else question.text
    narrowed = (question.candidates, question.exclude if question.diversity else None)
    return json.dumps(
        (kind, question.include_seen, question.diversity, question.exposure, narrowed, sorted(question.only.items())),
        default=str,
    )


def _answer_alike(model: Model, questions: Sequence[RecommendRequest], encoder: Any) -> Sequence[Answer | Exception]:
    first = questions[0]
    try:
        recommender = model.at_exposure(first.exposure)
        chosen = model.candidates(recommender, first)
        if first.text is not None:
            codes, scores = _for_text(recommender, first, encoder)
            return [_entries(recommender, question, codes, scores) for question in questions]
        own = [_own(recommender, question) for question in questions]
        asked = [row for row, each in enumerate(own) if not isinstance(each, Exception)]
        found = (
            _best(model, [questions[row] for row in asked], [own[row] for row in asked], chosen) if asked else ([], [])
        )
    except (LLMInitError, OverflowError) as error:
        return [error] * len(questions)
    answers: list[Answer | Exception] = list(own)
    for position, row in enumerate(asked):
        answers[row] = _entries(recommender, questions[row], found[0][position], found[1][position])
    return answers


def _own(recommender: Recommender, question: RecommendRequest) -> Any:
    """Return a user's code, or the codes of a history, or the error."""
    try:
        if question.user_id is not None:
            return recommender.user_code(question.user_id)
        codes = recommender.items.codes(question.history)
        if not question.skip_unknown and (codes < 0).any():
            recommender.item_codes(question.history)
        return np.unique(codes[codes >= 0])
    except UnknownIdError as error:
        return UnknownIdError(f"{error}{_SKIP_ITEM if question.user_id is None else _ADD_USER}")
    except LLMInitError as error:
        return error


def _best(model: Model, questions: Sequence[RecommendRequest], own: Sequence[Any], chosen: Candidates) -> Found:
    """Return the best items of users or histories and their scores, a row for each."""
    first, recommender = questions[0], model.at_exposure(questions[0].exposure)
    scorer, seen = recommender.model, recommender.seen
    rows = np.array(own) if first.history is None else np.arange(len(questions))
    if first.history is not None:
        seen = history_matrix(recommender.items, [recommender.items.ids_of(codes) for codes in own], {})
        scorer = for_histories(scorer, recommender.fold_in, seen, recommender.mean_user)
    counts = np.array([wanted(question) for question in questions])
    if model.index is not None and not (first.diversity or first.only or first.candidates is not None):
        has = None if first.include_seen else seen[rows]
        tables: Any = scorer  # Only dot products have an index.
        users, items = tables.users[rows], tables.items
        found = best_by_index(model.index, users, items, has, counts, recommender.unavailable)
        if found is not None:
            return found
    items_of_each, scores = best_lists(
        scorer,
        seen,
        rows,
        counts,
        chosen,
        exclude_seen=not first.include_seen,
        diversity=first.diversity,
        directions=recommender.directions if first.diversity else None,
    )
    return list(items_of_each), list(scores)


def _for_text(recommender: Recommender, question: RecommendRequest, encoder: Any) -> tuple[IntArray, FloatArray]:
    table = recommender.recommend_for_text(
        question.text or "",
        wanted(question),
        encoder=encoder,
        candidates=question.candidates,
        exclude=_known(recommender, question.exclude) if question.diversity else None,
        where=question.only or None,
        diversity=question.diversity,
    )
    return recommender.items.codes(table["item_id"]), table["score"].to_numpy()


def _known(recommender: Recommender, item_ids: Sequence[Any]) -> list[Any]:
    codes = recommender.items.codes(list(item_ids)) if item_ids else ()
    return [item_id for item_id, code in zip(item_ids, codes, strict=True) if code >= 0]


def _entries(recommender: Recommender, question: RecommendRequest, items: IntArray, scores: FloatArray) -> Answer:
    """Return the part of a list that was asked for, item by item."""
    kept = items >= 0
    if question.exclude:
        kept &= ~np.isin(items, recommender.items.codes(list(question.exclude)))
    page = slice(question.offset, question.offset + question.k)
    codes, values = items[kept][page], scores[kept][page]
    titles = recommender.titles
    columns = {
        "item_id": recommender.items.ids_of(codes).to_list(),
        "score": values.tolist(),
        "rank": range(question.offset + 1, question.offset + 1 + len(codes)),
        "title": [None] * len(codes) if titles is None else titles.gather(codes).to_list(),
        "added": (codes >= recommender.n_warm).tolist(),
    }
    entries = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    because = _because(recommender, question, codes)
    for entry, code in zip(entries, codes.tolist(), strict=True):
        entry["because"] = because.get(code, [])
    return entries


def _because(recommender: Recommender, question: RecommendRequest, codes: IntArray) -> dict[int, Answer]:
    """Return, by item code, the items of the history that speak for it."""
    if not question.reasons or question.text is not None or not len(codes):
        return {}
    history = question.history
    if history is not None:
        history = _known(recommender, history)
        if not history:
            return {}
    table = recommender.reasons(
        recommender.items.ids_of(codes), user_id=question.user_id, history=history, n=question.reasons
    )
    titles = table["because_title"].to_list() if "because_title" in table.columns else [None] * len(table)
    explained: dict[int, Answer] = defaultdict(list)
    rows = zip(
        recommender.items.codes(table["item_id"]),
        table["because_id"].to_list(),
        table["share"].to_list(),
        titles,
        strict=True,
    )
    for code, item_id, share, title in rows:
        explained[int(code)].append({"item_id": item_id, "share": share, "title": title})
    return explained

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
from llminit.serving.entries import Answer, entries, known_items
from llminit.serving.model import Model
from llminit.serving.schemas import RecommendRequest

Found = tuple[Sequence[IntArray], Sequence[FloatArray]]

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
    kind = "user" if question.user_id is not None else "history" if question.history is not None else "text"
    # How long a list is to be plays a part in which items a varied one is chosen from.
    varied = (question.exclude, wanted(question)) if question.diversity else None
    narrowed = (question.candidates, varied)
    return json.dumps(
        (
            kind,
            question.text,
            question.include_seen,
            question.diversity,
            question.exposure,
            narrowed,
            sorted(question.only.items()),
        ),
        default=str,
    )


def _answer_alike(model: Model, questions: Sequence[RecommendRequest], encoder: Any) -> Sequence[Answer | Exception]:
    first = questions[0]
    try:
        recommender = model.at_exposure(first.exposure)
        chosen = model.candidates(recommender, first)
        if first.text is not None:
            codes, scores = _for_text(recommender, first, max(map(wanted, questions)), encoder)
            return entries(recommender, questions, [codes] * len(questions), [scores] * len(questions))
        own = _users(recommender, questions) if first.history is None else _histories(recommender, questions)
        rows = [row for row, each in enumerate(own) if not isinstance(each, Exception)]
        asked = [questions[row] for row in rows]
        found = entries(recommender, asked, *_best(model, asked, [own[row] for row in rows], chosen)) if asked else []
    except (LLMInitError, OverflowError) as error:
        return [error] * len(questions)
    answers: list[Answer | Exception] = list(own)
    for row, answered in zip(rows, found, strict=True):
        answers[row] = answered
    return answers


def _users(recommender: Recommender, questions: Sequence[RecommendRequest]) -> list[Any]:
    """Return each user's code, or the error."""
    own: list[Any] = recommender.users.codes([question.user_id for question in questions]).tolist()
    for row, question in enumerate(questions):
        if own[row] < 0:
            try:
                recommender.user_code(question.user_id)
            except UnknownIdError as error:
                own[row] = UnknownIdError(f"{error}{_ADD_USER}")
    return own


def _histories(recommender: Recommender, questions: Sequence[RecommendRequest]) -> list[Any]:
    """Return the codes of each history, or the error."""
    own: list[Any] = []
    for question in questions:
        codes = recommender.items.codes(question.history)
        try:
            if not question.skip_unknown and (codes < 0).any():
                recommender.item_codes(question.history)
            own.append(np.unique(codes[codes >= 0]))
        except UnknownIdError as error:
            own.append(UnknownIdError(f"{error}{_SKIP_ITEM}"))
    return own


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


def _for_text(
    recommender: Recommender, question: RecommendRequest, most: int, encoder: Any
) -> tuple[IntArray, FloatArray]:
    table = recommender.recommend_for_text(
        question.text or "",
        most,
        encoder=encoder,
        candidates=question.candidates,
        exclude=known_items(recommender, question.exclude) if question.diversity else None,
        where=question.only or None,
        diversity=question.diversity,
    )
    return recommender.items.codes(table["item_id"]), table["score"].to_numpy()

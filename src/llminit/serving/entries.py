"""From codes and scores to what is sent: items with their titles, and why they are recommended."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.recommender import Recommender
from llminit.serving.schemas import RecommendRequest

Answer = list[dict[str, Any]]


def entries(
    recommender: Recommender,
    questions: Sequence[RecommendRequest],
    items: Sequence[IntArray],
    scores: Sequence[FloatArray],
) -> list[Answer]:
    """Return the part of each list that was asked for, in the form of `schemas.Recommended`.

    Args:
        recommender: Whose items they are.
        questions: One for each list.
        items: Codes, best first; -1 where there are fewer.
        scores: Of the same shapes.
    """
    pages = [_page(recommender, *each) for each in zip(questions, items, scores, strict=True)]
    # All lists at once: an operation on a column takes as long for one item as for hundreds.
    codes = np.concatenate([codes for codes, _ in pages])
    titles = recommender.titles
    columns = zip(
        recommender.items.ids_of(codes).to_list(),
        [None] * len(codes) if titles is None else titles.gather(codes).to_list(),
        (codes >= recommender.n_warm).tolist(),
        strict=True,
    )
    answers = []
    for question, (mine, values) in zip(questions, pages, strict=True):
        because = _because(recommender, question, mine)
        rows = zip(mine.tolist(), values.tolist(), islice(columns, len(mine)), strict=True)
        answers.append(
            [
                {
                    "item_id": item_id,
                    "score": score,
                    "rank": rank,
                    "title": title,
                    "added": added,
                    "because": because.get(code, []),
                }
                for rank, (code, score, (item_id, title, added)) in enumerate(rows, question.offset + 1)
            ]
        )
    return answers


def known_items(recommender: Recommender, item_ids: Sequence[Any]) -> list[Any]:
    """Return those of some ids that are of known items."""
    codes = recommender.items.codes(list(item_ids)) if item_ids else ()
    return [item_id for item_id, code in zip(item_ids, codes, strict=True) if code >= 0]


def _page(
    recommender: Recommender, question: RecommendRequest, items: IntArray, scores: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Return the items of a list that are not excluded, from the offset on."""
    kept = items >= 0
    if question.exclude:
        kept &= ~np.isin(items, recommender.items.codes(list(question.exclude)))
    page = slice(question.offset, question.offset + question.k)
    return items[kept][page], scores[kept][page]


def _because(recommender: Recommender, question: RecommendRequest, codes: IntArray) -> dict[int, Answer]:
    """Return, by item code, the items of the history that speak for it."""
    if not question.reasons or question.text is not None or not len(codes):
        return {}
    history = question.history
    if history is not None:
        history = known_items(recommender, history)
        if not history:
            return {}
    table = recommender.reasons(
        recommender.items.ids_of(codes), user_id=question.user_id, history=history, n=question.reasons
    )
    titles = table["because_title"].to_list() if "because_title" in table.columns else [None] * len(table)
    rows = zip(
        recommender.items.codes(table["item_id"]).tolist(),
        table["because_id"].to_list(),
        table["share"].to_list(),
        titles,
        strict=True,
    )
    explained: dict[int, Answer] = defaultdict(list)
    for code, item_id, share, title in rows:
        explained[code].append({"item_id": item_id, "share": share, "title": title})
    return explained

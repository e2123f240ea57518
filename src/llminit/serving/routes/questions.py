"""What to recommend, and what is like an item."""

import json
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, Depends, Query
from starlette.responses import Response

from llminit.serving.problems import Problem
from llminit.serving.schemas import Recommendations, RecommendRequest
from llminit.serving.service import Service, service_of

router = APIRouter(tags=["questions"])
FromService = Annotated[Service, Depends(service_of)]

_EXAMPLES = {
    "a user": {"value": {"user_id": "196", "k": 10, "reasons": 2}},
    "a history": {"value": {"history": ["50", "181"], "exclude": ["100"], "only": {"genre": ["Comedy", "Drama"]}}},
    "some words": {"value": {"text": "a thriller in space", "k": 5}},
}


@router.post("/recommend", response_model=Recommendations)
async def recommend(
    question: Annotated[RecommendRequest, Body(openapi_examples=_EXAMPLES)], service: FromService
) -> Response:
    """The best items for a user, for what somebody has, or for what somebody says."""
    return as_json({"items": await service.recommend(question)})


@router.get("/items/{item_id:path}/similar", response_model=Recommendations)
async def similar(
    item_id: str, service: FromService, k: Annotated[int, Query(ge=1)] = 10, offset: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """The items whose vectors point most nearly the same way; the score is the cosine."""
    service.check_count(k + offset, service.settings.max_k, "items (k and offset)")
    recommender = service.live.model.recommender

    def rows() -> list[dict[str, Any]]:
        table = recommender.similar_items(item_id, k + offset)[offset:]
        added = recommender.items.codes(table["item_id"]) >= recommender.n_warm if len(table) else np.zeros(0)
        return [row | {"added": bool(is_added)} for row, is_added in zip(table.to_dicts(), added, strict=True)]

    return as_json({"items": await service.look_up(rows)})


@router.get("/items")
async def find_items(
    service: FromService,
    q: Annotated[str, Query(max_length=200, description="Words of the title.")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Items that have all of some words in their title or id, those with most interactions first."""
    model = service.live.model
    return as_json({"items": await service.look_up(model.find_items, q, limit)})


@router.get("/items/{item_id:path}")
async def item(item_id: str, service: FromService) -> Response:
    """An item with its columns."""
    model = service.live.model
    recommender = model.recommender
    codes = recommender.item_codes([item_id])
    columns = {} if recommender.item_table is None else recommender.item_table[codes.tolist()].to_dicts()[0]
    return as_json(
        model.item_rows(codes)[0] | {"columns": {name: columns[name] for name in columns if name != "item_id"}}
    )


@router.get("/columns")
async def columns(service: FromService) -> Response:
    """What `only` can filter by: columns with few values, and the most frequent of them."""
    model = service.live.model
    return as_json({"columns": await service.look_up(lambda: model.facets)})


@router.get("/users")
async def find_users(
    service: FromService,
    q: Annotated[str, Query(max_length=200, description="What the id begins with.")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Ids of users that begin with a text."""
    return as_json({"users": await service.look_up(service.live.model.find_users, q, limit)})


@router.get("/users/{user_id:path}")
async def user(user_id: str, service: FromService, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    """A user's items."""
    model = service.live.model
    recommender = model.recommender
    codes = recommender.seen[[recommender.user_code(user_id)]].indices
    return as_json({"user_id": user_id, "n_items": len(codes), "items": model.item_rows(codes[-limit:])})


def as_json(content: Any, status: int = 200) -> Response:
    """Return an answer as JSON; ids that are dates are ISO text."""
    try:
        body = json.dumps(content, default=_as_text, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise Problem(
            500, f"the answer cannot be written as JSON ({error}); report it to whoever runs the server"
        ) from error
    return Response(body, status, media_type="application/json")


def _as_text(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

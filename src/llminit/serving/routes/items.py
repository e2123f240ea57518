"""Items that come and go, interactions, and the dial."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from llminit.serving.changes import ExposureSet, InteractionsAdded, ItemsAdded, ItemsRemoved
from llminit.serving.problems import Problem
from llminit.serving.routes.questions import FromService, as_json
from llminit.serving.schemas import Exposure, Interactions, NewItems
from llminit.serving.service import Service

router = APIRouter(tags=["changes"])

_PAGE = 10_000


@router.post("/items", status_code=201)
async def add_items(sent: NewItems, service: FromService) -> Response:
    """Add an item, or some: their text says whom they are for. One that was added before gets its new columns.

    The answer comes when the items are stored and recommended.
    """
    rows = _rows(sent, service, "items")
    for row in rows:
        for value in row.values():
            service.check_count(len(value) if isinstance(value, str) else 0, service.settings.max_text, "characters")
    change = ItemsAdded(rows).merged(ItemsAdded([]))
    model = await service.live.change(change)
    codes = model.recommender.items.codes([str(row["item_id"]) for row in change.rows])
    return as_json({"items": model.item_rows(codes)}, 201)


@router.delete("/items/{item_id:path}")
async def remove_item(item_id: str, service: FromService) -> Response:
    """Never recommend an item again; it stays in the histories of those who have it. To undo it, add the item."""
    await service.live.change(ItemsRemoved([item_id]))
    return as_json({"removed": item_id})


@router.post("/interactions", status_code=201)
async def add_interactions(sent: Interactions, service: FromService) -> Response:
    """Add an interaction, or some, of known users and new ones: the item is not recommended again, and moves them."""
    rows = _rows(sent, service, "interactions")
    await service.live.change(InteractionsAdded(rows))
    return as_json({"n_interactions": len(rows)}, 201)


@router.get("/interactions")
async def interactions(
    service: FromService, after: Annotated[int, Query(ge=0, lt=2**63, description="The last seq that you have.")] = 0
) -> Response:
    """The interactions that were added, as JSON Lines: what `llminit refresh` and `fit` take beside the old ones."""
    store = service.live.store
    if store is None:
        raise Problem(404, "this server keeps no state, so it has no interactions; ask the one that has it")

    def lines() -> Iterator[str]:
        last = after
        while rows := store.interactions_after(last, _PAGE):
            yield "".join(json.dumps(row) + "\n" for row in rows)
            last = rows[-1]["seq"]

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.put("/exposure")
async def set_exposure(sent: Exposure, service: FromService) -> Response:
    """Set how much items that were added are shown, from now on."""
    model = await service.live.change(ExposureSet(sent.exposure))
    return as_json({"exposure": model.recommender.exposure})


def _rows(sent: Any, service: Service, what: str) -> Sequence[dict[str, Any]]:
    models = sent if isinstance(sent, list) else [sent]
    service.check_count(len(models), service.settings.max_ids, what)
    if not models:
        raise Problem(422, f"found no {what}, expected at least one; send some")
    return [model.model_dump() for model in models]

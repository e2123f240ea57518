"""How the server is, what it counts, and a new model for it."""

import os
import time
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from llminit.serving.metrics import MEDIA_TYPE
from llminit.serving.routes.questions import FromService, as_json
from llminit.serving.service import Service
from llminit.version import __version__

router = APIRouter(tags=["running"])


@router.get("/health")
async def health(service: FromService) -> Response:
    """Whether the server answers, with which model, and how it searches."""
    live = service.live
    recommender, store = live.model.recommender, live.store
    config = recommender.report.get("config", {})
    return as_json(
        {
            "status": "ok" if live.reload_error is None else "old model",
            "version": __version__,
            "pid": os.getpid(),
            "seconds_up": round(time.time() - service.metrics.started, 1),
            "model": {
                "version": live.model.version,
                "backbone": config.get("backbone"),
                "init": config.get("init"),
                "loaded_at": live.model.loaded_at,
                "n_users": len(recommender.users),
                "n_items": len(recommender.items),
                "n_items_added": len(recommender.items) - recommender.n_warm,
                "exposure": recommender.exposure,
                "encoder": None if recommender.text is None else recommender.text.encoder,
                "text": None if recommender.text is None else recommender.text.template,
            },
            "reload_error": live.reload_error,
            "search": live.search,
            "state": None
            if store is None
            else {"n_items": store.n_items, "n_removed": store.n_removed, "n_interactions": store.n_interactions},
        }
    )


@router.get("/metrics")
async def metrics(service: FromService) -> Response:
    """Counts and times, in the text format of Prometheus."""
    return Response(service.metrics.text(_gauges(service)), media_type=MEDIA_TYPE)


@router.post("/reload")
async def reload(service: FromService) -> Response:
    """Load the folder again and put the new model in place; no request is dropped."""
    model = await service.live.reload()
    return as_json({"model": model.version})


def _gauges(service: Service) -> dict[str, tuple[str, float]]:
    model = service.live.model
    recommender = model.recommender
    gauges: dict[str, Any] = {
        "llminit_users": ("Users that are known.", len(recommender.users)),
        "llminit_items": ("Items that are known.", len(recommender.items)),
        "llminit_items_added": ("Items that were added after the fit.", len(recommender.items) - recommender.n_warm),
        "llminit_model_loaded_seconds": ("When the model was loaded.", model.loaded_at),
        "llminit_waiting_questions": ("Questions that wait for an answer.", service.n_waiting),
    }
    if service.live.store is not None:
        gauges["llminit_stored_interactions"] = ("Interactions in the state.", service.live.store.n_interactions)
    return gauges

"""What one writes in an hour: FastAPI around the arrays of a recommender, as implicit's `recommend` ranks them.

    python benchmarks/plain_service.py MODEL PORT

One matrix-vector product a request, what the user has filtered out, `argpartition` for the best; the same routes, body
and answer as `llminit serve` for a known user.
"""

import sys
from typing import Annotated, Any

import numpy as np
import uvicorn
from fastapi import Body, FastAPI, HTTPException

from llminit import Recommender


def application(folder: str) -> FastAPI:
    """Return the application."""
    recommender = Recommender.load(folder)
    model: Any = recommender.model
    users, items, seen = model.users, model.items, recommender.seen
    codes = {user_id: code for code, user_id in enumerate(recommender.users.ids.to_list())}
    item_ids = recommender.items.ids.to_list()
    titles = [None] * len(item_ids) if recommender.titles is None else recommender.titles.to_list()
    app = FastAPI()

    @app.post("/recommend")
    def recommend(user_id: Annotated[str, Body()], k: Annotated[int, Body()] = 10) -> dict[str, Any]:
        if user_id not in codes:
            raise HTTPException(404)
        code = codes[user_id]
        scores = items @ users[code]
        scores[seen.indices[seen.indptr[code] : seen.indptr[code + 1]]] = -np.inf
        best = np.argpartition(scores, -k)[-k:]
        best = best[np.argsort(-scores[best])]
        rows = [
            {"item_id": item_ids[item], "score": float(scores[item]), "rank": rank, "title": titles[item]}
            for rank, item in enumerate(best.tolist(), 1)
        ]
        return {"items": rows}

    return app


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), port=int(sys.argv[2]), log_level="warning", access_log=False)

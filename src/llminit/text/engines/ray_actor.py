"""What each actor of a Ray cluster does: it opens the encoder once, then encodes one shard after another."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llminit.text.cache import CacheSection
from llminit.text.engines.opening import Opening, opened
from llminit.text.shard import Order, encode_shard
from llminit.worker_processes import error_text


class ShardActor:
    """Encodes shards and writes their parts; an actor that Ray starts again finds what was written before.

    Args:
        folder: The cache folder of the encoder.
        opening: How to open the encoder.
    """

    def __init__(self, folder: str, opening: Opening) -> None:
        self._section = CacheSection(Path(folder))
        self._opening = opening
        self._encoder: Any = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Encode the shards of a batch; errors come back as answers, because Ray would try their cause again."""
        answers = [self._answer(str(path)) for path in batch["path"]]
        return {"kind": [kind for kind, _ in answers], "text": [text for _, text in answers]}

    def _answer(self, path: str) -> tuple[str, str]:
        try:
            if self._encoder is None:
                self._encoder = opened(self._opening, self._section.encoder)
            order = Order(**json.loads(Path(path).read_text(encoding="utf-8")))
            return "outcome", json.dumps(asdict(encode_shard(order, self._encoder, self._section)))
        except Exception as error:  # noqa: BLE001 - the driver ends the run, and says why
            return "failed", error_text(error)

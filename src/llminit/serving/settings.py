"""How a server is set up: its limits, its token and where it keeps what it learns."""

from pathlib import Path

from pydantic import Field, SecretStr

from llminit.config import MAX_COUNT, Config


class ServeSettings(Config):
    """What a server allows."""

    state: Path | None = None
    """SQLite file of the items and interactions that were added; None refuses all that would change something."""
    token: SecretStr | None = None
    """The bearer token that every request needs but those for the page, the documentation and the health; None asks
    for none."""
    exposure: float | None = Field(default=None, ge=0)
    """How much items that were added are shown; None keeps what was last set, else what the model was saved with."""
    max_body_bytes: int = Field(default=2**20, ge=1024, le=2**30)
    """Of a request."""
    max_k: int = Field(default=1000, ge=1, le=10_000)
    """Items in an answer, those of the pages before it included."""
    max_ids: int = Field(default=1000, ge=1, le=100_000)
    """Ids in a list of a request, and rows in a write."""
    max_text: int = Field(default=10_000, ge=1, le=10**6)
    """Characters of a text that is to be encoded."""
    rate: float = Field(default=0, ge=0, le=MAX_COUNT)
    """Requests a second that one client may make for long, and as many at once; 0 sets no limit."""
    max_waiting: int = Field(default=512, ge=1, le=100_000)
    """Requests that wait for an answer at the same time; more are told to come back."""
    batch_window_ms: float = Field(default=1.0, ge=0, le=1000)
    """How long a question may wait for others to be answered with."""
    max_batch: int = Field(default=16, ge=1, le=4096)
    """Questions that are answered by one pass over the items; while it goes, the answers before it go out."""
    ann_above: int = Field(default=1_000_000, ge=0, le=MAX_COUNT)
    """Catalogues of more items are searched by an index, which may miss some: needs the extra ann."""
    watch_seconds: float = Field(default=2.0, ge=0, le=86_400)
    """How often the model's folder is looked at for a new one; 0 looks only when told to."""

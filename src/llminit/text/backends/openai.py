"""Encoders behind any endpoint with OpenAI's embeddings API: `openai:MODEL`."""

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
from pydantic import Field, SecretStr

from llminit.arrays import FloatArray
from llminit.config import Config
from llminit.errors import ConfigError, EmbeddingError, EndpointError
from llminit.text.encoder import ENCODERS, Encoder, Identity, require_package

PUBLIC_URL = "https://api.openai.com/v1"
ANSWER_SHOWN = 300


class OpenAIOptions(Config):
    """The options of `openai:MODEL`."""

    base_url: str = PUBLIC_URL
    """Where the endpoint is, up to and with the version, such as http://127.0.0.1:8000/v1."""
    api_key: SecretStr | None = None
    """Sent with every request; endpoints of one's own often need none."""
    dimensions: int | None = Field(default=None, ge=1)
    """Ask for vectors of this width, for models that can give several."""
    batch_size: int = Field(default=128, ge=1, le=2048)
    """Texts in one request."""
    concurrency: int = Field(default=8, ge=1, le=1024)
    """Requests on their way at a time; a little more than the endpoint serves at once keeps it busy."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """Start at most this many requests a minute, evenly spaced; None sets no limit."""
    max_retries: int = Field(default=5, ge=0)
    """How often a request is sent again, with growing waits, or as long as the endpoint asks for."""
    timeout: float = Field(default=60.0, gt=0)
    """Seconds to wait for an answer."""


class OpenAIEncoder:
    """Sends texts to an endpoint in batches, several at a time.

    A request that waits to be sent again keeps its place, so an endpoint that is slow or refuses gets no more of them.
    """

    def __init__(self, model: str, options: OpenAIOptions) -> None:
        """Create the encoder; nothing is sent yet."""
        self.name = f"openai:{model}"
        self._model = model
        self._options = options
        self._url = _without_credentials(options.base_url)
        self._next_start = 0.0
        self._turn = threading.Lock()

    @property
    def options(self) -> dict[str, Any]:
        """The options that it was opened with and that are not the defaults, as JSON values; secrets are left out."""
        return self._options.model_dump(mode="json", exclude_defaults=True, exclude={"api_key"})

    @property
    def texts_in_flight(self) -> int:
        """How many texts keep the endpoint busy; `encode` may be called from several threads at a time."""
        return self._options.concurrency * self._options.batch_size

    def identity(self) -> Identity:
        """Return the model, the endpoint and the requested width."""
        options = self._options.model_dump(include={"dimensions"}, exclude_none=True)
        return {"encoder": self.name, "base_url": self._url, **options}

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 of shape (len(texts), D), or (0, 0) without texts.

        Raises:
            EndpointError: The endpoint cannot be reached, or refuses.
            EmbeddingError: The answer does not hold one vector a text, all of one width.
        """
        size, client = self._options.batch_size, self._client
        sent = [
            self._senders.submit(self._encode_batch, client, list(texts[start : start + size]))
            for start in range(0, len(texts), size)
        ]
        try:
            batches = [request.result() for request in sent]
        finally:
            for request in sent:
                request.cancel()
        widths = {batch.shape[1] for batch in batches}
        if len(widths) > 1:
            raise EmbeddingError(
                f"{self._url} gave vectors of widths {', '.join(map(str, sorted(widths)))} for the model "
                f"{self._model!r}, expected one width; check the endpoint"
            )
        return np.concatenate(batches) if batches else np.zeros((0, 0), dtype=np.float32)

    def _encode_batch(self, client: Any, texts: list[str]) -> FloatArray:
        self._wait_for_turn()
        answer = self._request(client, texts)
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
            raise self._unreadable("it is not a list of embeddings")
        row_of = {entry.get("index"): entry.get("embedding") for entry in data}
        if len(data) != len(texts) or set(row_of) != set(range(len(texts))):
            raise EmbeddingError(
                f"{self._url} gave {len(data)} vectors for {len(texts)} texts, or numbered them wrongly; expected one "
                "per text; check the endpoint, or lower batch_size"
            )
        return self._matrix([row_of[index] for index in range(len(texts))])

    def _matrix(self, rows: list[Any]) -> FloatArray:
        try:
            values = np.array(rows, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise EmbeddingError(
                f"{self._url} gave vectors that are not numbers or of different widths ({error}); check the endpoint"
            ) from error
        # A null in the answer becomes NaN here.
        if values.ndim != 2 or not np.isfinite(values).all():
            raise EmbeddingError(f"{self._url} gave vectors that are not numbers; check the endpoint and its model")
        return values

    def _request(self, client: Any, texts: list[str]) -> Any:
        import openai

        options = self._options.model_dump(include={"dimensions"}, exclude_none=True)
        try:
            # The client's own reading of an answer looks at every number, which takes longer than many an endpoint.
            answer = client.embeddings.with_raw_response.create(
                model=self._model, input=texts, encoding_format="float", **options
            )
            return json.loads(answer.content)
        except openai.APIStatusError as error:
            raise self._refused(error.status_code, str(error.message)) from error
        except openai.APIConnectionError as error:
            reason = error.__cause__ or error
            raise EndpointError(
                f"{self._url} cannot be reached ({type(error).__name__}: {reason}) after {self._options.max_retries} "
                "more tries; check the base URL and that the endpoint is running, then run the same command again"
            ) from error
        except (openai.OpenAIError, ValueError) as error:
            raise self._unreadable(f"{type(error).__name__}: {error}") from error

    def _unreadable(self, reason: str) -> EndpointError:
        return EndpointError(
            f"{self._url} gave an answer that cannot be read ({reason}); check that the URL is that of an "
            "OpenAI-compatible endpoint, with its version, such as /v1"
        )

    def _refused(self, status: int, message: str) -> EndpointError:
        advice = {
            401: "set OPENAI_API_KEY to a key that this endpoint accepts",
            403: "use a key that may use this model",
            404: f"check the base URL and that the model {self._model!r} exists there",
            429: "wait, or set requests_per_minute lower; what is encoded so far is kept",
        }
        action = advice.get(
            status,
            "try again later; what is encoded so far is kept"
            if status >= 500
            else "check the model, the options and that no item text is too long",
        )
        answer = " ".join(message.split())[:ANSWER_SHOWN]
        return EndpointError(f"{self._url} refused with status {status} ({answer}); {action}")

    def _wait_for_turn(self) -> None:
        if self._options.requests_per_minute is None:
            return
        with self._turn:
            now = time.monotonic()
            time.sleep(max(0.0, self._next_start - now))
            self._next_start = max(now, self._next_start) + 60.0 / self._options.requests_per_minute

    @cached_property
    def _senders(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._options.concurrency, thread_name_prefix="llminit-endpoint")

    @cached_property
    def _client(self) -> Any:
        from openai import OpenAI

        key = self._options.api_key
        return OpenAI(
            # The client requires a key; an endpoint that needs none ignores it.
            api_key=key.get_secret_value() if key is not None else "none",
            base_url=self._options.base_url,
            max_retries=self._options.max_retries,
            timeout=self._options.timeout,
        )


@ENCODERS.register(name="openai")
def open_openai(model: str, options: OpenAIOptions) -> Encoder:
    """Open a model behind any OpenAI-compatible endpoint; its address is the option base_url.

    Nothing is sent until the first text is encoded.

    Raises:
        ConfigError: The base URL is not a URL, or the public endpoint is used without a key.
        MissingExtraError: The openai package is not installed.
    """
    require_package("openai", "the encoder openai", "openai")
    parts = urlsplit(options.base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"base_url={options.base_url!r} is not a URL; expected one such as {PUBLIC_URL}")
    if options.base_url == PUBLIC_URL and options.api_key is None:
        raise ConfigError(f"{PUBLIC_URL} needs a key; set OPENAI_API_KEY, or give the base URL of another endpoint")
    return OpenAIEncoder(model, options)


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")).rstrip("/")

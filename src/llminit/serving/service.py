"""What the routes share: the live model, the questions that wait, and the limits."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import Request

from llminit.serving.answering import answer
from llminit.serving.batching import Batcher
from llminit.serving.entries import Answer
from llminit.serving.live import Live
from llminit.serving.metrics import Metrics
from llminit.serving.problems import Problem
from llminit.serving.schemas import RecommendRequest
from llminit.serving.settings import ServeSettings


class Service:
    """Answers questions with the live model.

    Args:
        live: The model.
        settings: The limits.
        metrics: Counts.
    """

    def __init__(self, live: Live, settings: ServeSettings, metrics: Metrics) -> None:
        self.live, self.settings, self.metrics = live, settings, metrics
        self._scoring = ThreadPoolExecutor(1, "llminit-scoring")
        # Encoding a text takes a hundred times as long as scoring, and the first one loads a language model.
        self._encoding = ThreadPoolExecutor(1, "llminit-encoding")
        options = {"max_batch": settings.max_batch, "max_waiting": settings.max_waiting}
        window = settings.batch_window_ms / 1000
        self._questions: Batcher[RecommendRequest, Answer] = Batcher(
            self._answer, self._scoring, window=window, **options
        )
        self._wishes: Batcher[RecommendRequest, Answer] = Batcher(
            self._answer_words, self._encoding, window=0, **options
        )

    async def recommend(self, question: RecommendRequest) -> Answer:
        """Return the items that answer a question.

        Raises:
            Problem: It exceeds a limit.
            LLMInitError: It cannot be answered.
        """
        self._check(question)
        return await (self._questions if question.text is None else self._wishes).ask(question)

    @property
    def n_waiting(self) -> int:
        """How many questions wait for an answer."""
        return self._questions.n_waiting + self._wishes.n_waiting

    async def look_up(self, function: Any, *arguments: Any) -> Any:
        """Return what a function of arrays gives, computed beside the questions."""
        return await asyncio.to_thread(function, *arguments)

    def check_count(self, found: int, most: int, what: str) -> None:
        """Check a length against a limit.

        Raises:
            Problem: It is larger.
        """
        if found > most:
            raise Problem(422, f"found {found} {what}, expected at most {most}; send fewer at a time")

    async def close(self) -> None:
        """Wait until everything is answered and stored."""
        await self._questions.close()
        await self._wishes.close()
        self._scoring.shutdown()
        self._encoding.shutdown()
        await self.live.close()

    def _answer(self, questions: Sequence[RecommendRequest]) -> list[Answer | Exception]:
        self.metrics.batches.observe(len(questions))
        return answer(self.live.model, questions)

    def _answer_words(self, questions: Sequence[RecommendRequest]) -> list[Answer | Exception]:
        model = self.live.model
        return answer(model, questions, self.live.encoders.of(model.recommender.text))

    def _check(self, question: RecommendRequest) -> None:
        settings = self.settings
        self.check_count(question.offset + question.k, settings.max_k, "items (k and offset)")
        self.check_count(len(question.text or ""), settings.max_text, "characters of text")
        for name in ("history", "exclude", "candidates"):
            self.check_count(len(getattr(question, name) or ()), settings.max_ids, f"ids in {name}")


async def service_of(request: Request) -> Service:
    """Return the service of a request's application; a coroutine, as another thread would be asked for the result."""
    service: Service = request.app.state.service
    return service

"""Micro-batches: questions that arrive together are answered together."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Generic, TypeVar

from llminit.serving.problems import Problem

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Batcher(Generic[Question, Answer]):
    """Collects questions and has them answered in one call, in another thread.

    While one batch is being answered the next one fills, so that under load batches grow by themselves. Only the first
    questions after a pause wait for others, for as long as the window says, and only where others are under way.

    Args:
        answer: Returns an answer, or the error, for each question, in their order.
        executor: Runs `answer`; of one thread, so that batches do not overlap.
        window: Seconds to wait for more questions.
        max_batch: Questions that are answered together at most.
        max_waiting: Questions that wait at most; a further one is refused.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Question]], Sequence[Answer | Exception]],
        executor: Executor,
        *,
        window: float,
        max_batch: int,
        max_waiting: int,
    ) -> None:
        self._answer, self._executor = answer, executor
        self._window, self._max_batch, self._max_waiting = window, max_batch, max_waiting
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._runner: asyncio.Task[None] | None = None

    @property
    def n_waiting(self) -> int:
        """How many questions wait for the next batch."""
        return len(self._waiting)

    async def ask(self, question: Question) -> Answer:
        """Return the answer to a question.

        Raises:
            Problem: Too many questions wait.
            Exception: What `answer` returned in place of one.
        """
        if len(self._waiting) >= self._max_waiting:
            raise Problem(
                503,
                f"{len(self._waiting)} requests wait for an answer, expected at most {self._max_waiting}; come back in "
                "a second, or start more servers",
                {"Retry-After": "1"},
            )
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await future

    async def close(self) -> None:
        """Wait until all questions are answered."""
        while self._runner is not None:
            with suppress(Exception):
                await self._runner

    async def _run(self) -> None:
        try:
            if self._window:
                await asyncio.sleep(self._window)
            while self._waiting:
                batch, self._waiting = self._waiting[: self._max_batch], self._waiting[self._max_batch :]
                await self._answered(batch)
        finally:
            self._runner = None

    async def _answered(self, batch: list[tuple[Question, asyncio.Future[Answer]]]) -> None:
        questions = [question for question, _ in batch]
        try:
            loop = asyncio.get_running_loop()
            answers = await loop.run_in_executor(self._executor, self._answer, questions)
        except Exception as error:  # noqa: BLE001 - it is raised again for each of those who asked
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():  # Whoever asked has gone.
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

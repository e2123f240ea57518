"""Micro-batches: who asks together is answered together, and each gets their own answer."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from llminit.serving.batching import Batcher
from llminit.serving.problems import Problem
from own_loop import run_apart


class Doubling:
    """Doubles numbers; odd ones are errors. It notes its batches, and waits until it may answer."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(numbers))
        self.may_answer.wait(60)
        return [ValueError(str(number)) if number % 2 else 2 * number for number in numbers]


def run(scenario: Callable[[Batcher[int, int], Doubling], Coroutine[Any, Any, None]], **options: Any) -> None:
    """Run a scenario in a loop of its own."""
    doubling = Doubling()

    async def whole() -> None:
        with ThreadPoolExecutor(1) as executor:
            settings = {"window": 0.001, "max_batch": 8, "max_waiting": 100} | options
            batcher: Batcher[int, int] = Batcher(doubling, executor, **settings)
            await scenario(batcher, doubling)
            await batcher.close()

    run_apart(whole())


def test_those_who_ask_together_are_answered_together() -> None:
    """Questions of one moment make one batch, no larger than allowed, in their order, each with its answer."""

    async def scenario(batcher: Batcher[int, int], doubling: Doubling) -> None:
        answers = await asyncio.gather(*(batcher.ask(2 * number) for number in range(20)))
        assert answers == [4 * number for number in range(20)]
        assert [len(batch) for batch in doubling.batches] == [8, 8, 4]
        assert [number for batch in doubling.batches for number in batch] == [2 * number for number in range(20)]

    run(scenario)


def test_batches_fill_while_one_is_answered() -> None:
    """What comes while a batch is being answered waits for the next one, and makes it a single one."""

    async def scenario(batcher: Batcher[int, int], doubling: Doubling) -> None:
        doubling.may_answer.clear()
        first = asyncio.create_task(batcher.ask(0))
        while not doubling.batches:
            await asyncio.sleep(0.001)
        later = [asyncio.create_task(batcher.ask(2 * number)) for number in range(1, 6)]
        await asyncio.sleep(0.01)
        assert batcher.n_waiting == 5
        doubling.may_answer.set()
        assert await asyncio.gather(first, *later) == [0, 4, 8, 12, 16, 20]
        assert [len(batch) for batch in doubling.batches] == [1, 5]

    run(scenario)


def test_an_error_is_the_askers_own() -> None:
    """Who asks what cannot be answered gets the error; the others of the batch get their answers."""

    async def scenario(batcher: Batcher[int, int], _: Doubling) -> None:
        answers = await asyncio.gather(*map(batcher.ask, [2, 3, 4]), return_exceptions=True)
        assert answers[::2] == [4, 8]
        assert isinstance(answers[1], ValueError)

    run(scenario)


def test_a_failure_is_everybodys() -> None:
    """Where the whole batch fails everybody gets the error, and the next batch is answered."""

    async def scenario(batcher: Batcher[int, int], doubling: Doubling) -> None:
        answers = await asyncio.gather(batcher.ask(2), batcher.ask("x"), return_exceptions=True)  # type: ignore[arg-type]
        assert all(isinstance(answer, TypeError) for answer in answers)
        assert await batcher.ask(6) == 12
        assert len(doubling.batches) == 2

    run(scenario)


def test_too_many_are_told_to_come_back() -> None:
    """Beyond the limit a question is refused at once with 503 and a time to come back; those before it are answered."""

    async def scenario(batcher: Batcher[int, int], doubling: Doubling) -> None:
        doubling.may_answer.clear()
        asked = [asyncio.create_task(batcher.ask(2 * number)) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await batcher.ask(8)
        assert refused.value.status_code == 503
        assert refused.value.headers == {"Retry-After": "1"}
        doubling.may_answer.set()
        assert await asyncio.gather(*asked) == [0, 4, 8]

    run(scenario, max_waiting=3)


def test_who_goes_away_disturbs_nobody() -> None:
    """A question whose asker has gone leaves the others of its batch their answers."""

    async def scenario(batcher: Batcher[int, int], _: Doubling) -> None:
        stays, goes = asyncio.create_task(batcher.ask(2)), asyncio.create_task(batcher.ask(4))
        await asyncio.sleep(0)
        goes.cancel()
        assert await stays == 4

    run(scenario)

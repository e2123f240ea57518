"""A reporter that keeps the notes it gets."""

from contextlib import nullcontext

from llminit.progress import SILENT, Task


class Noted:
    """Shows nothing and remembers every note."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def note(self, message: str) -> None:
        self.messages.append(message)

    def task(self, name: str, total: int, done: int = 0) -> "nullcontext[Task]":
        with SILENT.task(name, total, done) as task:
            return nullcontext(task)

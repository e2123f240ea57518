"""What is there after a comparison, and what it said."""

from contextlib import contextmanager


def stamps(folder):
    files = [path for path in folder.path.rglob("*") if path.is_file() and path.parent != folder.path]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def names(folder):
    return set(folder.names())


class Told:
    """A reporter that remembers what it is told about cells."""

    def __init__(self):
        self.notes, self.statuses, self.guesses = [], [], []
        self.total, self.before, self.done = None, 0, 0

    def note(self, message):
        self.notes.append(message)

    @contextmanager
    def task(self, name, total, done=0):
        if name == "cells":
            self.total, self.before, self.done = total, done, done
        yield _ToldTask(self, is_counted=name == "cells")


class _ToldTask:
    def __init__(self, reporter, *, is_counted):
        self.reporter, self.is_counted = reporter, is_counted

    def advance(self, steps=1, status="", seconds_left=None):
        if self.is_counted:
            self.reporter.done += steps
            self.reporter.statuses.append(status)
            self.reporter.guesses.append(seconds_left)

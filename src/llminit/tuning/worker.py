"""A worker process: reads trials from its standard input, one JSON line each, and runs them.

    python -m llminit.tuning.worker '{"work": ..., "n_splits": ..., "device": ..., "threads": ..., "parts": ...}'

It answers with JSON lines on its standard output. After each epoch it asks whether to go on, and waits for the answer.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

from llminit.config import FitConfig
from llminit.pipeline.parts import import_parts
from llminit.pipeline.prepared import PreparedData
from llminit.tuning.outcome import Word
from llminit.tuning.runner import TrialRunner
from llminit.worker_processes import ParentReporter, lines_from_parent


def main() -> None:
    """Run trials until the standard input closes."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    reporter = ParentReporter()
    # A Ctrl-C at the terminal reaches this process too; the parent decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = lines_from_parent()
    import_parts(options["parts"])
    runner = _runner(options)

    def ask(epoch: int, value: float) -> Word:
        reporter.send("epoch", json.dumps([epoch, value]))
        word: Word = json.loads(lines.get())["word"]
        return word

    reporter.send("ready")
    while True:
        config = FitConfig(**json.loads(lines.get())["config"])
        outcome = runner.run(config, ask, reporter)
        reporter.send("done", json.dumps(outcome.as_json()))


def _runner(options: dict[str, Any]) -> TrialRunner:
    import torch

    torch.set_num_threads(options["threads"])
    work = Path(options["work"])
    data = PreparedData.load(work)
    base = FitConfig(**json.loads((work / "base.json").read_text(encoding="utf-8")))
    text = next(iter(data.texts.values()), None)
    return TrialRunner(data.dataset, text, base, options["n_splits"], options["device"])


if __name__ == "__main__":
    main()

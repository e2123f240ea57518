"""A worker process: reads cells from its standard input, one JSON line each, and runs and writes them.

    python -m llminit.comparison.worker '{"work": ..., "out": ..., "device": ..., "threads": ...}'

It answers with JSON lines on its standard output. When its input closes, as it does when the parent ends for any
reason, the process ends at once: finished cells are complete files, and the running one has its checkpoint.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

from llminit.comparison.execute import Job, Workplace
from llminit.config import CompareConfig
from llminit.errors import StorageError
from llminit.pipeline.parts import import_parts
from llminit.pipeline.prepared import PreparedData
from llminit.worker_processes import ParentReporter, error_text, lines_from_parent


def main() -> None:
    """Run cells until the standard input closes."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    reporter = ParentReporter()
    # A Ctrl-C at the terminal reaches this process too; the parent decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    jobs = lines_from_parent()
    import_parts(options["parts"])
    workplace = _workplace(options)
    reporter.send("ready")
    while True:
        line = json.loads(jobs.get())
        job = Job.from_json(line["key"], line["fingerprint"])
        try:
            workplace.execute(job, reporter)
        except StorageError as error:
            reporter.send("stopped", str(error))
        except Exception as error:  # noqa: BLE001 - one cell that fails does not stop the others
            reporter.send("failed", error_text(error))
        else:
            reporter.send("done")


def _workplace(options: dict[str, Any]) -> Workplace:
    import torch

    torch.set_num_threads(options["threads"])
    work = Path(options["work"])
    config = CompareConfig(**json.loads((work / "config.json").read_text(encoding="utf-8")))
    data = PreparedData.load(work)
    return Workplace(data, config, Path(options["out"]), options["device"], options["checkpoint_seconds"])


if __name__ == "__main__":
    main()

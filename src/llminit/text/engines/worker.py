"""A worker process: reads shards from its standard input, one JSON line each, encodes them and writes their parts.

    python -m llminit.text.engines.worker '{"folder": ..., "opening": ..., "threads": ...}'

It answers with JSON lines on its standard output. When its input closes, as it does when the parent ends for any
reason, the process ends at once: a part is a complete file or is not there.
"""

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llminit.text.cache import CacheSection
from llminit.text.engines.opening import opened
from llminit.text.shard import Order, encode_shard
from llminit.worker_processes import ParentReporter, error_text, lines_from_parent


def main() -> None:
    """Encode shards until the standard input closes."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    # The threads of the tokenizers; those of other libraries are set by the parent.
    os.environ["RAYON_NUM_THREADS"] = str(options["threads"])
    reporter = ParentReporter()
    # A Ctrl-C at the terminal reaches this process too; the parent decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = lines_from_parent()
    section = CacheSection(Path(options["folder"]))
    try:
        encoder = opened(options["opening"], section.encoder)
        reporter.send("ready")
        while True:
            outcome = encode_shard(Order(**json.loads(lines.get())), encoder, section)
            reporter.send("outcome", json.dumps(asdict(outcome)))
    except Exception as error:  # noqa: BLE001 - the parent ends the run, and says why
        reporter.send("failed", error_text(error))


if __name__ == "__main__":
    main()

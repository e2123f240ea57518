"""(h) One training epoch beside another busy process, with OpenMP's default waiting and with LLMInit's setting.

`import llminit` sets GNU OpenMP so that a waiting thread sleeps soon. Side A runs with OpenMP's default.

    python benchmarks/beside.py --json benchmarks/results/beside.json
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import benchmark_data
import common
from lines import Worker

DEFAULT_SPINS = "300000"
"""GNU OpenMP's default when there are as many cores as threads."""


def main() -> None:
    """Compare the two settings, alone and beside a process that keeps one core busy."""
    parser = common.options_parser(__doc__)
    common.add_model_options(parser, ["lightgcn"])
    options = parser.parse_args()
    data = benchmark_data.load(options.data)
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        benchmark_data.write(data, Path(folder), options.embedding_size)
        rows = compare(Path(folder), options, versions)
    setting = f"{data.describe()}; d={options.embedding_size}, batch {options.batch}, {options.layers} layers"
    common.report("beside", setting, rows, options, versions)


def compare(folder: Path, options: argparse.Namespace, versions: dict[str, str]) -> list[common.Comparison]:
    """Time epochs of both sides in turn, first alone, then beside a busy process."""
    sizes = {"folder": str(folder), "batch": options.batch, "n_layers": options.layers, "backbone": "lightgcn"}
    with (
        Worker("llminit_worker.py", folder / "default.log", variables={"GOMP_SPINCOUNT": DEFAULT_SPINS}) as default,
        Worker("llminit_worker.py", folder / "llminit.log") as ours,
    ):
        for worker in (default, ours):
            versions.update(worker.ask("load", **sizes)["versions"])
            worker.ask("epoch")
        sides = lambda: default.ask("epoch"), lambda: ours.ask("epoch")
        common.say("alone")
        alone = common.in_turn(*sides, options.repeats)
        common.say("beside a busy process")
        with busy_process():
            beside = common.in_turn(*sides, options.repeats)
    quiet = {common.OTHERS: common.max_others_share(alone)}
    return [
        common.Comparison("epoch alone", "OpenMP's default", *common.seconds_of(alone), None, quiet),
        common.Comparison("epoch beside a busy process", "OpenMP's default", *common.seconds_of(beside)),
    ]


@contextmanager
def busy_process() -> Iterator[None]:
    """Keep one core busy with a process that never waits."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()

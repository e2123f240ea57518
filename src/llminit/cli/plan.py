"""`llminit plan`: memory, time, traffic and disk of a problem, before anything is bought."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json
from llminit.errors import ConfigError

_UNITS = {"k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9}


def command(
    *,
    users: Annotated[str | None, typer.Option(help="Number of users, such as 10M.")] = None,
    items: Annotated[str | None, typer.Option(help="Number of items.")] = None,
    interactions: Annotated[str | None, typer.Option(help="Number of interactions.")] = None,
    dim: Annotated[int, typer.Option("--dim", "--embedding-size", min=1, help="Width of the embeddings.")] = 64,
    ranks: Annotated[int, typer.Option(min=1, help="Processes that train together.")] = 1,
    bandwidth: Annotated[float, typer.Option(help="GB/s that a rank sends; 1.25 is 10 Gbit/s.")] = 1.25,
    round_ms: Annotated[float, typer.Option(min=0, help="Milliseconds of an exchange of nothing.")] = 0.5,
    batch: Annotated[int, typer.Option(min=1, help="Interactions a step, of all ranks together.")] = 1024,
    negatives: Annotated[str, typer.Option(help="rank or shared: whose items a pair is compared with.")] = "rank",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the interactions.")] = 10,
    text_width: Annotated[int, typer.Option(min=1, help="Width of the text embeddings.")] = 384,
    constants: Annotated[Path | None, typer.Option(help="File of measured constants.")] = None,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Measure this machine first, and keep it.")] = False,
    threads: opt.Threads = None,
    as_json: opt.Json = False,
) -> None:
    """Say what a problem takes on so many ranks: memory, seconds, traffic and disk."""
    from llminit.plan import Problem, plan, read_constants

    if calibrate:
        _calibrate(constants, threads)
    sizes = {"users": users, "items": items, "interactions": interactions}
    if calibrate and not any(sizes.values()):
        return
    missing = [f"--{name}" for name, value in sizes.items() if value is None]
    if missing:
        raise ConfigError(f"{' and '.join(missing)} are not given, expected all of --users, --items, --interactions")
    counts = {name: _count(name, value or "") for name, value in sizes.items()}
    problem = Problem.make(
        **counts,
        dim=dim,
        ranks=ranks,
        bandwidth=bandwidth,
        round_ms=round_ms,
        batch=batch,
        negatives=negatives,
        epochs=epochs,
        text_width=text_width,
    )
    planned = plan(problem, read_constants(constants))
    if as_json:
        print_json(planned.as_json())
    else:
        from llminit.plan.shown import lines

        typer.echo("\n".join(lines(planned)))


def _calibrate(path: Path | None, threads: int | None) -> None:
    from llminit.comparison.resources import described_machine
    from llminit.plan import constants_path, write_constants
    from llminit.plan.calibrate import calibrated

    RichReporter().note("measuring this machine: it takes some seconds, and half a minute where kernels are compiled")
    target = path or constants_path()
    write_constants(calibrated(described_machine(), threads), target)
    RichReporter().note(f"the constants are in {target}")


def _count(name: str, text: str) -> int:
    number, unit = (text[:-1], _UNITS[text[-1].lower()]) if text[-1:].lower() in _UNITS else (text, 1)
    try:
        value = Decimal(number) * unit
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or value != int(value):
        raise ConfigError(f"{name}={text!r} is not a count; expected a whole number, such as 100000, 1e8 or 100M")
    return int(value)

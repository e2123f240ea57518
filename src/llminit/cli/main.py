"""The command `llminit`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from llminit.cli import (
    add_items,
    compare,
    data,
    demo,
    doctor,
    encode,
    export,
    fit,
    init,
    parts,
    plan,
    ranks,
    recommend,
    refresh,
    report,
    serve,
    similar,
    tune,
)
from llminit.cli.help import PartsCommand
from llminit.cli.show import show_unknown_letters_as_escapes
from llminit.cli.words import in_flags
from llminit.errors import LLMInitError

INTERRUPTED = 130
_INTERRUPTED = "interrupted; what is finished is kept, and the same command continues where it can"

_SEE_WHERE = "(set LLMINIT_TRACEBACK=1 to see where)"

app = typer.Typer(
    name="llminit",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
MODULES = (
    *(encode, init, fit, tune, compare, report, plan, recommend, similar),
    *(add_items, refresh, serve, export, parts, doctor, demo),
)
for module in MODULES:
    app.command(module.__name__.rpartition(".")[2].replace("_", "-"), cls=PartsCommand)(module.command)


@app.callback()
def options(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """A head start from a language model for any collaborative-filtering recommender, at no cost when it serves."""
    if version:
        from llminit.version import __version__

        typer.echo(__version__)
        raise typer.Exit
    ranks.check_command(context.invoked_subcommand)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    show_unknown_letters_as_escapes()
    try:
        code = typer.main.get_command(app)(args=arguments, prog_name="llminit", standalone_mode=False)
    except LLMInitError as error:
        return _fail(in_flags(str(error)), 2)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(_INTERRUPTED, INTERRUPTED)
    except BrokenPipeError:
        # The reader of stdout has closed it; without this, Python would report the error again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        # Usage errors are click's in older versions of Typer and Typer's own in newer ones; both have show().
        if hasattr(error, "show"):
            return _show_usage(error)
        if os.environ.get("LLMINIT_TRACEBACK"):
            raise
        if isinstance(error, OSError):
            return _fail(f"{error}; check the path, its permissions and the free space {_SEE_WHERE}", 2)
        return _fail(f"{type(error).__name__}: {error} {_SEE_WHERE}", 1)
    # Newer versions of Typer turn Ctrl-C into this code without a message.
    if code == INTERRUPTED:
        return _fail(_INTERRUPTED, INTERRUPTED)
    return code if isinstance(code, int) else 0


def _show_usage(error: Any) -> int:
    error.show()
    return int(error.exit_code)


def _fail(message: str, code: int) -> int:
    Console(stderr=True, soft_wrap=True, emoji=False).print(f"[bold red]error:[/] {escape(message)}", highlight=False)
    return code

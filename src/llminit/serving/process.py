"""The server as a process: its socket, its signals and its end."""

import asyncio
import errno
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from llminit.errors import ConfigError, LLMInitError
from llminit.serving.app import create_app
from llminit.serving.encoding import OpenEncoder
from llminit.serving.logs import Log, LogHandler
from llminit.serving.settings import ServeSettings

_SECONDS_TO_FINISH = 30
_SECONDS_BETWEEN_THREADS = 0.0005


def serve(
    folder: Path,
    settings: ServeSettings,
    host: str,
    port: int,
    *,
    log: Log,
    open_encoder: OpenEncoder | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a saved recommender until the process is told to end (SIGTERM, Ctrl-C); SIGHUP loads the folder again.

    Args:
        folder: What `Recommender.save` wrote.
        settings: The limits, the token and the state.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        log: Told what happens.
        open_encoder: Opens the encoder of a recommender's texts.
        ready: Called with the server's address when it can be asked.

    Raises:
        ConfigError: The address cannot be listened on.
        LLMInitError: The folder cannot be loaded, or the state not be opened.
    """
    # Before anything is loaded: a port in use is found out at once, and whoever connects early waits and is answered.
    with _listening(host, port) as listener:
        app = create_app(folder, settings, open_encoder=open_encoder, log=log)
        address = _address(host, listener)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
            timeout_keep_alive=75,  # Longer than that of the usual proxies, so that these never meet a closed one.
        )
        logging.getLogger("uvicorn.error").addHandler(LogHandler(log))
        server = _Server(config, log, lambda: _reload(app.state.service.live.reload))
        log("info", "listening", address=address, folder=str(folder), model=app.state.service.live.model.version)
        if not _is_of_this_machine(listener) and settings.token is None:
            log(
                "warning", "no token", detail=f"others can reach {address} and change it: start the server with a token"
            )
        # What is there now stays; and a thread that scores hands over to the one that answers ten times as often.
        gc.freeze()
        sys.setswitchinterval(_SECONDS_BETWEEN_THREADS)
        if ready is not None:
            ready(address)
        server.run(sockets=[listener])
        log("info", "ended")


class _Server(uvicorn.Server):
    """Ends without an error when it is told to; a second signal ends it at once."""

    def __init__(self, config: uvicorn.Config, log: Log, reload: Callable[[], object]) -> None:
        super().__init__(config)
        self._log, self._reload = log, reload

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while the server runs."""
        handlers: dict[int, Callable[[int, object], None]] = {signal.SIGINT: self._end, signal.SIGTERM: self._end}
        if hasattr(signal, "SIGHUP"):
            handlers[signal.SIGHUP] = self._again
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, _frame: object) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        self._log("info", "ending", signal=signal.Signals(number).name)

    def _again(self, _number: int, _frame: object) -> None:
        # A handler runs between two steps of the loop, whatever these are doing.
        asyncio.get_event_loop().call_soon_threadsafe(self._reload)


_TASKS: set["asyncio.Task[None]"] = set()


def _reload(reload: Callable[[], object]) -> None:
    async def run() -> None:
        with suppress(LLMInitError):  # It is in the log, and in /health.
            await reload()  # type: ignore[misc]

    task = asyncio.get_running_loop().create_task(run())
    _TASKS.add(task)  # The loop itself would let it be collected.
    task.add_done_callback(_TASKS.discard)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError, UnicodeError) as error:
        raise ConfigError(
            f"host={host} and port={port} are no address ({error}); expected such as 127.0.0.1 and 8000"
        ) from error
    with listener:
        # Connections of a server that has ended keep the port for a minute otherwise.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(2048)
        except OSError as error:
            raise _cannot_listen(host, port, error) from error
        yield listener


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"port={port} is in use on {host}, expected a free one; stop what listens there, or choose another "
            "(0 takes a free one)"
        )
    if error.errno == errno.EACCES:
        return ConfigError(f"port={port} may not be used ({error.strerror}), expected one from 1024; choose another")
    return ConfigError(f"host={host} and port={port} cannot be listened on: {error.strerror}; choose another address")


def _address(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def _is_of_this_machine(listener: socket.socket) -> bool:
    name = str(listener.getsockname()[0])
    return name.startswith("127.") or name == "::1"

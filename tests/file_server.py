"""A local file server, and a reporter that keeps the notes of downloads."""

import http.server
import threading

from llminit.progress import SilentReporter

NOWHERE = "http://127.0.0.1:9"


class Server:
    """Serves bytes by path, with ranges; `cut` ends the first answers early, `fail` answers with codes first."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: list[int] = []
        self.fail: list[int] = []
        self.ranges = True
        self.requests: list[str | None] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        requested = handler.headers.get("Range")
        self.requests.append(requested)
        content = self.files.get(handler.path)
        if self.fail or content is None:
            handler.send_error(self.fail.pop(0) if self.fail else 404)
            return
        start = int(requested.removeprefix("bytes=").removesuffix("-")) if requested and self.ranges else 0
        if start and start >= len(content):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(content)}")
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start : start + self.cut.pop(0) if self.cut else None])


class Notes(SilentReporter):
    """Keeps the messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def note(self, message: str) -> None:
        self.messages.append(message)

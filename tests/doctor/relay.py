"""Something in between on a loopback port: it passes every request on, and changes the headers of the answers as it likes."""

import threading
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

Headers = list[tuple[str, str]]


class Relay:
    """A proxy to the origin *target* that puts every answer's headers through *change*. Use it as a context manager."""

    def __init__(self, target: str, change: Callable[[Headers], Headers]) -> None:
        address = urlsplit(target).netloc

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Keep the test output clean."""

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                connection = HTTPConnection(address, timeout=10)
                connection.request(self.command, self.path, body, {**dict(self.headers.items()), "Host": address})
                answer = connection.getresponse()
                content = answer.read()
                self.send_response_only(answer.status)
                for name, value in change(answer.getheaders()):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                connection.close()

            do_GET = do_POST = _pass_on  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

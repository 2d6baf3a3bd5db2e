"""A real HTTP server that plays the team's chat channel."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class Webhook:
    """Keeps the JSON bodies posted to it. A context manager; `port` is free and chosen at start.

    It listens on every address, for containers reach it by their bridge's gateway.
    """

    def __init__(self) -> None:
        self.bodies: list[dict[str, object]] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                bodies.append(json.loads(self.rfile.read(length) or b"{}"))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: pytest's output is for the tests."""

        self._server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Webhook":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def mentioning(self, *words: str) -> list[dict[str, object]]:
        """The bodies in which every one of `words` occurs, whatever the case."""
        return [
            body
            for body in list(self.bodies)
            if all(word.lower() in json.dumps(body).lower() for word in words)
        ]

    def told(self, key: str, change: str, since: int = 0) -> dict[str, str] | None:
        """The fields of the last alert `key` that was opened or closed (`change`).

        `since` is how many bodies are not looked at, the first ones.
        """
        for body in reversed(list(self.bodies)[since:]):
            for alert in json.loads(str(body.get("alerts", "[]"))):
                if alert["key"] == key and alert["change"] == change:
                    found: dict[str, str] = alert
                    return found
        return None

"""A webhook server on this host that remembers what it was sent, and refuses when told to."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Webhook:
    """Use as a context manager. `got` holds the JSON bodies; `status` is what it answers."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        self.status = 200
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if webhook.status == 200:
                    webhook.got.append(json.loads(body))
                self.send_response(webhook.status)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    @property
    def url(self) -> str:
        """Its Apprise URL, with a secret in it."""
        return f"json://127.0.0.1:{self.port}/a-secret-path"

    @property
    def titles(self) -> list[str]:
        return [body["title"] for body in self.got]

    def __enter__(self) -> Webhook:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._server.server_close()

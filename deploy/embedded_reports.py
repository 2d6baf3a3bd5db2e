"""Serve the reports of the embedded edition: `python deploy/embedded_reports.py PORT FOLDER`.

On the loopback address only, and for pages opened by that address only: a page of somebody else's,
whose name was made to lead here, gets nothing. A report runs no script and loads nothing: it shows
what it holds, wherever its contents came from.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# The same as the gateway's for /reports (deploy/gateway/reports.caddyfile).
HEADERS = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:;"
        " form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class ReportHandler(SimpleHTTPRequestHandler):
    """Files of one folder, to be read; no listing of folders, nothing hidden."""

    def end_headers(self) -> None:
        """Every answer, an error too, says what a browser may do with it."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def send_head(self) -> Any:
        """As upstream, once the request's host is ours and the file is inside the folder."""
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, f"Open it at http://127.0.0.1:{port}")
            return None
        file, folder = (
            Path(self.translate_path(self.path)).resolve(),
            Path(self.directory).resolve(),
        )
        hidden = any(part.startswith(".") for part in file.parts[len(folder.parts) :])
        if not file.is_relative_to(folder) or hidden or not file.is_file():
            self.send_error(HTTPStatus.NOT_FOUND, "There is no such report")
            return None
        return super().send_head()

    def log_message(self, *_words: object) -> None:
        """Nothing: who reads which report is nobody's business here."""


def main() -> None:
    """Serve until interrupted."""
    port, folder = int(sys.argv[1]), sys.argv[2]
    handler = partial(ReportHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server, suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()

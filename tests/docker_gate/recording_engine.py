"""A stand-in for the engine: a real server on a Unix socket that notes whatever reaches it."""

from __future__ import annotations

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

OURS = "a" * 64
FOREIGN = "b" * 64
PROJECT = "assaytest"
IMAGE = f"{PROJECT}/user_code:v1"
RUN_LABELS = {
    "assay.project": PROJECT,
    "assay.kind": "run",
    "dagster/run_id": "0f0f0f0f-1111-4222-8333-444444444444",
}
SECRET = "the-secret-in-the-environment"


class Asked(NamedTuple):
    """One request that reached the engine."""

    method: str
    path: str
    body: Any


class RecordingEngine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Knows two containers (ours and a foreign one) and three images; `asked` is its record."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.asked: list[Asked] = []
        self.missing_networks = False
        super().__init__(str(path), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def get_request(self) -> tuple[Any, Any]:
        """The handler wants an address, which a Unix socket has not."""
        connection, _ = super().get_request()
        return connection, ("caller", 0)

    def changes(self) -> list[Asked]:
        """What reached it beyond looking."""
        return [asked for asked in self.asked if asked.method != "GET"]


class _Handler(BaseHTTPRequestHandler):
    server: RecordingEngine

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.asked.append(Asked(self.command, self.path, json.loads(body) if body else None))
        status, answer = self._answer(self.path.partition("?")[0])
        data = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_DELETE = do_PUT = do_HEAD = do_GET

    def _answer(self, path: str) -> tuple[int, Any]:
        if path == "/version":
            return 200, {"ApiVersion": "1.41", "Version": "20.10", "KernelVersion": "not told"}
        path = path.removeprefix("/v1.41")
        images = {
            f"/images/{IMAGE}/json": {"assay.project": PROJECT, "assay.kind": "user_code"},
            f"/images/{PROJECT}/user_code:unlabelled/json": None,
            f"/images/{PROJECT}/user_code:of-others/json": {
                "assay.project": "other",
                "assay.kind": "user_code",
            },
        }
        if path in images:
            return 200, {"Config": {"Labels": images[path]}}
        if path == "/containers/create":
            return 201, {"Id": OURS, "Warnings": []}
        if path == f"/networks/{PROJECT}_outside_runs/connect" and not self.server.missing_networks:
            return 200, None
        if path == "/containers/json":
            return 200, [
                {"Id": OURS, "State": "exited", "Created": 1, "Labels": RUN_LABELS, "Mounts": []},
                {"Id": FOREIGN, "State": "running", "Created": 1, "Labels": {}},
            ]
        for container, labels in ((OURS, RUN_LABELS), (FOREIGN, {"assay.project": PROJECT})):
            if path == f"/containers/{container}/json":
                return 200, {
                    "Id": container,
                    "Name": f"/{PROJECT}-run-a_job-0f0f0f0f",
                    "State": {"Status": "running", "ExitCode": 0},
                    "Config": {"Labels": labels, "Tty": False, "Env": [f"PASSWORD={SECRET}"]},
                    "HostConfig": {"Memory": 1, "Binds": ["x:/x"]},
                }
            if path == f"/containers/{container}/wait":
                return 200, {"StatusCode": 0}
            if path.startswith(f"/containers/{container}"):
                return 204, None
        return 404, {"message": "not found"}

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

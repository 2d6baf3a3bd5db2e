"""Listens on a Unix socket for each caller; one short-lived connection for each request."""

from __future__ import annotations

import json
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from control_plane.docker_gate.calls import Call, recognise
from control_plane.docker_gate.engine import Answer
from control_plane.docker_gate.gate import Gate
from control_plane.docker_gate.http_request import Request, read_request
from control_plane.docker_gate.refusal import RefusedError

# A request must have come as a whole by then.
REQUEST_SECONDS = 10.0
CONNECTIONS = 64
PATH_CHARACTERS = 120
# Looking is not logged: the daemon looks every few seconds.
CHANGES = frozenset({"create", "start", "stop", "kill", "remove"})

Log = Callable[[dict[str, object]], None]


def log_line(facts: dict[str, object]) -> None:
    """One line of JSON on stderr."""
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **facts}
    print(json.dumps(line), file=sys.stderr, flush=True)


class GateServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves one caller (a key of `calls.CALLERS`) on the socket at `path`.

    Whoever reaches the socket may use it: each caller's is in a volume that it alone mounts.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path, caller: str, gate: Gate, log: Log = log_line) -> None:
        path.unlink(missing_ok=True)
        self.caller = caller
        self.gate = gate
        self.log = log
        self.slots = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(str(path), _Connection)
        path.chmod(0o666)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """A defect of ours: said by its kind alone, for a traceback may hold a request."""
        kind = sys.exc_info()[0]
        self.log({"event": "failed", "caller": self.caller, "error": kind and kind.__name__})


class _Connection(socketserver.BaseRequestHandler):
    server: GateServer
    request: socket.socket

    def handle(self) -> None:
        if not self.server.slots.acquire(blocking=False):
            self._send(_refusal(RefusedError(503, "too many requests at once")))
            return
        try:
            # The caller may have gone; then there is nobody to answer.
            with suppress(OSError):
                self._serve()
        finally:
            self.server.slots.release()

    def _serve(self) -> None:
        request: Request | None = None
        call: Call | None = None
        began = time.monotonic()
        facts: dict[str, object] = {"caller": self.server.caller}
        try:
            request = read_request(self._receive(began + REQUEST_SECONDS))
            if request is None:
                return
            facts |= {"method": request.method, "path": request.path[:PATH_CHARACTERS]}
            call = recognise(request, self.server.caller)
            answer = self.server.gate.answer(call)
            if call.name in CHANGES:
                milliseconds = round((time.monotonic() - began) * 1000)
                self.server.log(
                    {"event": call.name, "caller": self.server.caller, "about": answer.about}
                    | {"status": answer.status, "ms": milliseconds}
                )
        except TimeoutError:
            answer = _refusal(RefusedError(408, "the request did not come in time"))
        except RefusedError as refused:
            self.server.log(
                {"event": "refused", **facts, "status": refused.status, "reason": refused.message}
            )
            asked = f"{request.method} {request.path[:PATH_CHARACTERS]}" if request else "?"
            self.server.gate.refusals.note(self.server.caller, asked, refused, call)
            answer = _refusal(refused)
        self._send(answer)

    def _receive(self, deadline: float) -> Callable[[int], bytes]:
        def receive(size: int) -> bytes:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.request.settimeout(left)
            return self.request.recv(size)

        return receive

    def _send(self, answer: Answer) -> None:
        self.request.settimeout(REQUEST_SECONDS)
        head = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}", "Connection: close"]
        body = b""
        if answer.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            body = answer.body
            head += [f"Content-Type: {answer.content_type}", f"Content-Length: {len(body)}"]
        self.request.sendall("\r\n".join([*head, "", ""]).encode() + body)


def _refusal(refused: RefusedError) -> Answer:
    body = json.dumps({"message": f"docker_gate: {refused.message}"}).encode()
    return Answer(refused.status, "application/json", body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"

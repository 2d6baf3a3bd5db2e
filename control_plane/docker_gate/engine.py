"""The one connection to the real engine. Only this module knows where its socket is."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

from control_plane.docker_gate.refusal import RefusedError

ANSWER_BYTES = 16 * 2**20
SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What the engine said: status, content type and body, as they came.

    `about` is the container's name, for the log.
    """

    status: int
    content_type: str
    body: bytes
    about: str = ""

    def json(self) -> object:
        """The body as JSON. RefusedError (502) if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise RefusedError(502, "the engine's answer is not JSON") from None


class Engine:
    """Asks the Docker engine behind a Unix socket; one connection for each question."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path

    def ask(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: object = None,
        *,
        seconds: float = SECONDS,
    ) -> Answer:
        """The engine's answer. `path` and `query` are the gate's own words, never a caller's.

        RefusedError (502) if the engine is away, silent for `seconds`, or says too much.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        connection = _UnixConnection(self._socket_path, seconds)
        try:
            headers = {"Host": "docker", "Connection": "close"}
            if body is not None:
                headers["Content-Type"] = "application/json"
            payload = None if body is None else json.dumps(body).encode()
            connection.request(method, target, payload, headers)
            response = connection.getresponse()
            data = response.read(ANSWER_BYTES + 1)
        except (OSError, HTTPException) as error:
            raise RefusedError(
                502, f"the Docker engine does not answer ({type(error).__name__})"
            ) from error
        finally:
            connection.close()
        if len(data) > ANSWER_BYTES:
            raise RefusedError(502, "the engine's answer is too large")
        return Answer(
            response.status, response.getheader("Content-Type") or "application/json", data
        )


class _UnixConnection(HTTPConnection):
    def __init__(self, socket_path: str, seconds: float) -> None:
        super().__init__("docker", timeout=seconds)
        self._socket_path = socket_path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._socket_path)

"""What a test holds of a serving gate, and how it speaks to it."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from control_plane.docker_gate.policy import Policy
from control_plane.docker_gate.sockets import caller_socket
from tests.docker_gate.recording_engine import RecordingEngine


@dataclass
class ServedGate:
    """A gate on sockets below `folder`; `log` holds the lines it has written."""

    folder: Path
    engine: RecordingEngine
    policy: Policy
    log: list[dict[str, object]] = field(default_factory=list)

    def forget(self) -> None:
        """Begin the records anew."""
        self.engine.asked.clear()
        self.log.clear()

    def client(self, caller: str = "daemon") -> docker.DockerClient:
        """docker-py, as the caller uses it."""
        return docker.DockerClient(base_url=f"unix://{caller_socket(caller, self.folder)}")

    def say(self, data: bytes, caller: str = "daemon") -> bytes:
        """Send these bytes, end the sending side, and take all that is answered."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(str(caller_socket(caller, self.folder)))
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all was said
            answer = b""
            try:
                while chunk := connection.recv(65536):
                    answer += chunk
            except ConnectionResetError:
                pass
            return answer

    def ask(
        self, method: str, target: str, body: Any = None, caller: str = "daemon"
    ) -> tuple[int, Any]:
        """Status and JSON of the answer to one plain request; `body` is bytes or gets JSON."""
        data = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        head = f"{method} {target} HTTP/1.1\r\nHost: docker\r\nContent-Length: {len(data)}\r\n"
        if body is not None:
            head += "Content-Type: application/json\r\n"
        answer = self.say(f"{head}\r\n".encode("latin-1") + data, caller)
        head_bytes, _, rest = answer.partition(b"\r\n\r\n")
        return int(head_bytes.split()[1]), json.loads(rest) if rest else None

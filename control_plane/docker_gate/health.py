"""`python -m control_plane.docker_gate.health`: whether both sockets, and the engine, answer."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from control_plane.docker_gate.sockets import FOLDER, caller_socket

SECONDS = 5.0
_QUESTION = b"GET /version HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"


def ailment(caller: str, folder: Path = FOLDER) -> str | None:
    """What is wrong with the socket of `caller`, or None if the engine answers through it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SECONDS)
        try:
            connection.connect(str(caller_socket(caller, folder)))
            connection.sendall(_QUESTION)
            status = connection.recv(1024).split(b"\r\n")[0].decode("ascii", errors="replace")
        except OSError as error:
            return f"the {caller}'s socket does not answer ({type(error).__name__})"
    return None if status.startswith("HTTP/1.1 200 ") else f"the {caller} is answered: {status}"


def main() -> int:
    """Print what is wrong; a healthcheck's exit code."""
    wrong = [said for caller in ("daemon", "webserver") if (said := ailment(caller))]
    print("; ".join(wrong) or "docker_gate is well", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m control_plane.docker_gate`: serve the daemon and the webserver until stopped."""

from __future__ import annotations

import signal
import sys
import threading

from control_plane.docker_gate.calls import CALLERS
from control_plane.docker_gate.engine import Engine
from control_plane.docker_gate.gate import Gate
from control_plane.docker_gate.policy import policy
from control_plane.docker_gate.server import GateServer, log_line
from control_plane.docker_gate.sockets import ENGINE, caller_socket
from control_plane.settings import settings


def main() -> None:
    """Listen on both sockets; ends by SIGTERM, or with a line that says what is wrong."""
    try:
        gate = Gate(Engine(ENGINE), policy(settings()))
    except ValueError as error:
        sys.exit(f"docker_gate: {error}")
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    for caller in CALLERS:
        server = GateServer(caller_socket(caller), caller, gate)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    log_line({"event": "started", "project": gate.policy.project, "callers": sorted(CALLERS)})
    stopped.wait()


if __name__ == "__main__":
    main()

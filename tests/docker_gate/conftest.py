"""A gate between real Unix sockets, with an engine behind it that notes what reaches it."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane.docker_gate.calls import CALLERS
from control_plane.docker_gate.engine import Engine
from control_plane.docker_gate.gate import Gate
from control_plane.docker_gate.policy import Policy
from control_plane.docker_gate.server import GateServer
from control_plane.docker_gate.sockets import caller_socket
from tests.docker_gate.recording_engine import PROJECT, RecordingEngine
from tests.docker_gate.served_gate import ServedGate

POLICY = Policy(PROJECT, "/assay", most_memory=2**31, most_nano_cpus=2 * 10**9)


@pytest.fixture(scope="module")
def served() -> Iterator[ServedGate]:
    """The gate, serving; its record of the engine is emptied by `gate`."""
    # A socket's path has 108 bytes at most, pytest's own folders are longer than they look.
    folder = Path(tempfile.mkdtemp(prefix="gate"))
    engine = RecordingEngine(folder / "engine.sock")
    here = ServedGate(folder, engine, POLICY)
    gate = Gate(Engine(str(folder / "engine.sock")), POLICY)
    servers = []
    for caller in CALLERS:
        caller_socket(caller, folder).parent.mkdir()
        server = GateServer(caller_socket(caller, folder), caller, gate, here.log.append)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
    yield here
    for server in (*servers, engine):
        server.shutdown()
        server.server_close()
    shutil.rmtree(folder)


@pytest.fixture
def gate(served: ServedGate) -> ServedGate:
    """The served gate, with nothing noted yet."""
    served.forget()
    return served

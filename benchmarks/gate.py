"""Launches through docker_gate and directly at the engine's socket, in turn."""

from __future__ import annotations

import json

from benchmarks.engine import HERE, Engine

_FOLDER = "/run/assay-gate"
_READY = "import socket; socket.socket(socket.AF_UNIX).connect('{}/daemon/daemon.sock')"


def time_launches(engine: Engine, rounds: int) -> dict[str, list[float]]:
    """Seconds of `rounds` launches each, by way (direct, gate): see launch_path.py."""
    environment = {"ASSAY_PROJECT": engine.project}
    gate = engine.start(
        "dagster",
        ["python", "-m", "control_plane.docker_gate"],
        environment,
        socket=True,
        volumes={f"gate_{caller}": f"{_FOLDER}/{caller}" for caller in ("daemon", "webserver")},
    )
    engine.wait_until(gate, ["python", "-c", _READY.format(_FOLDER)])
    printed = engine.run_to_end(
        "dagster",
        [
            *("python", "/opt/launch_path.py", "/var/run/docker.sock", f"{_FOLDER}/daemon.sock"),
            *(engine.project, engine.images["ends_at_once"], str(rounds)),
        ],
        environment,
        {"/opt/launch_path.py": HERE / "launch_path.py"},
        socket=True,
        volumes={"gate_daemon": _FOLDER},
        seconds=60 + 10 * rounds,
    )
    gate.remove(force=True)
    seconds: dict[str, list[float]] = json.loads(printed)
    return seconds

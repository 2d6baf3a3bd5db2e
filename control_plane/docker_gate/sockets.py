"""Where the sockets are: the engine's, and one for each caller."""

from __future__ import annotations

from pathlib import Path

ENGINE = "/var/run/docker.sock"

# In the gate each caller's volume is a folder here. The caller mounts its own volume alone, at
# this place itself: for the daemon it is /run/assay-gate/daemon.sock.
FOLDER = Path("/run/assay-gate")


def caller_socket(caller: str, folder: Path = FOLDER) -> Path:
    """The socket that the gate makes for `caller`."""
    return folder / caller / f"{caller}.sock"

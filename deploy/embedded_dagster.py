"""Dagster of the embedded edition: code server, web server and daemon, each a program.

As `dagster dev` starts them, but with a guard before the web server. Code is read again when the UI
is asked to reload it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from embedded_processes import start

_CODE = "user_code.definitions"
_CODE_WITHIN_SECONDS = 120


def start_dagster(
    environment: Mapping[str, str], home: Path, address: str, port: int, sockets: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the three, the code server first, and give each as soon as it is started.

    `sockets` is a folder of ours alone, its path short. They write into `dagster.log` in `home`.
    """
    python, scripts = Path(sys.executable), Path(__file__).resolve().parent
    code, log = sockets / "code", home / "dagster.log"
    workspace = home / "dagster" / "workspace.yaml"
    # The name that `dagster dev` gave it: sensors' cursors are kept by it.
    server = {"socket": str(code), "host": "localhost", "location_name": _CODE}
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
    for words in (
        [str(python), "-m", "dagster", "code-server", "start", "--socket", str(code),
         "--module-name", _CODE, "--log-level", "warning"],
        [str(python), str(scripts / "embedded_webserver.py"), "--host", address,
         "--port", str(port), "--workspace", str(workspace), "--dagster-log-level", "warning"],
        [str(python.with_name("dagster-daemon")), "run", "--workspace", str(workspace),
         "--log-level", "warning"],
    ):  # fmt: skip
        # In `home`, for in the repository is the team edition's dagster.yaml.
        program = start(words, environment, home, log)
        yield program
        _wait_for_code(code, program)


def _wait_for_code(path: Path, server: subprocess.Popen[bytes]) -> None:
    """Until it answers, or is too slow for it: then the others say so."""
    deadline = time.monotonic() + _CODE_WITHIN_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        time.sleep(0.1)

"""The edition without containers, from outside: it starts, computes what is dropped, and goes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

REPOSITORY = Path(__file__).parents[2]
DAY = "2025-01-02"
ROWS = "transaction_id,booked_at,account_id,category,amount,currency\n" + "".join(
    f"t{number},{DAY}T10:00:00Z,a{number},food,1.10,EUR\n" for number in range(3)
)


@pytest.fixture
def folder() -> Iterator[Path]:
    # Under root the server runs as another user, whom pytest's own folder keeps out.
    path = Path(tempfile.mkdtemp(prefix="assay-embedded-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


def rows_of_the_day(folder: Path) -> int:
    """Rows in the warehouse, asked by the socket that the server's own file names."""
    lines = (folder / "home/postgres/postmaster.pid").read_text().splitlines()
    connection = psycopg2.connect(host=lines[4], dbname="warehouse", user="postgres")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(transaction_count), 0) FROM finance.daily_summary"
                " WHERE date = %s",
                (DAY,),
            )
            (count,) = cursor.fetchone() or (0,)
        return int(count)
    finally:
        connection.close()


def addresses_of(process: psutil.Process) -> set[str]:
    """Where a process listens; nowhere, if it has ended meanwhile."""
    try:
        return {
            connection.laddr.ip
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
    except psutil.NoSuchProcess:
        return set()


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that have this test's folder in their command or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(folder) in word for word in words):
            found.append(" ".join(process.cmdline()))
    return found


def test_a_dropped_file_becomes_rows_and_nothing_is_left_after_the_end(folder: Path) -> None:
    port = free_port()
    landing = folder / "landing"
    example = (REPOSITORY / ".env.example").read_text()
    ours = {
        "ASSAY_LANDING_DIR": landing,
        "ASSAY_CONTRACTS_DIR": folder / "contracts.d",
        "ASSAY_ALERTS_DIR": folder / "alerts.d",
        "ASSAY_SETTLE_SECONDS": 0,
    }
    for name, value in ours.items():
        example = re.sub(rf"^{name}=.*$", f"{name}={value}", example, flags=re.MULTILINE)
    (folder / "env").write_text(example)
    command = [sys.executable, "-W", "ignore", str(REPOSITORY / "deploy/embedded.py")]
    command += ["--port", str(port), "--home", str(folder / "home"), "--no-samples"]
    output = folder / "output"
    with output.open("w") as file:
        edition = subprocess.Popen(
            command,
            env=os.environ | {"ASSAY_ENV_FILE": str(folder / "env")},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        shop = landing / "finance/shop"
        wait_for(lambda: "Assay is at" in output.read_text() or edition.poll() is not None, "no UI")
        assert edition.poll() is None, output.read_text()
        assert f"http://127.0.0.1:{port}" in output.read_text()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=10) as answer:
            assert answer.status == 200
        # Alone on the loopback address, the reports, too.
        listening = {
            address
            for process in psutil.Process(edition.pid).children(recursive=True)
            for address in addresses_of(process)
        }
        assert listening <= {"127.0.0.1", "::1"}
        shop.mkdir(parents=True)
        (shop / f"shop-{DAY}.csv").write_text(ROWS)
        wait_for(lambda: rows_of_the_day(folder) == 3, "no rows", 150)
        listed = subprocess.run(
            [*command[:4], "--home", str(folder / "home"), "--module", "control_plane.alerts"],
            env=os.environ | {"ASSAY_ENV_FILE": str(folder / "env")},
            capture_output=True,
            text=True,
        )
        assert listed.returncode == 0, listed.stderr
        assert listed.stdout
        assert len(processes_of(folder)) > 3
        edition.send_signal(signal.SIGTERM)
        assert edition.wait(60) == 0, output.read_text()
        assert processes_of(folder) == []
    finally:
        if edition.poll() is None:
            edition.send_signal(signal.SIGTERM)
            edition.wait(60)


def test_a_taken_port_is_said_before_anything_starts(folder: Path) -> None:
    shutil.copyfile(REPOSITORY / ".env.example", folder / "env")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, str(REPOSITORY / "deploy/embedded.py"), "--port", str(port)]
        done = subprocess.run(
            [*command, "--home", str(folder / "home")],
            env=os.environ | {"ASSAY_ENV_FILE": str(folder / "env")},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"port {port} is taken: set another ASSAY_UI_PORT" in done.stderr
    assert processes_of(folder) == []

"""The daemon as a process of its own, on a real Postgres."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
import yaml

from control_plane.settings import settings
from tests.control_plane.docker_playground import Playground, engine_lacks

STARTS_WITHIN_SECONDS = 120


class Daemon:
    """A daemon process with a folder for its signs of life and a log."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        self.log = folder / "log"
        self.environment = {**environment, "TMPDIR": str(folder)}
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "control_plane.daemon"],
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[2],
            )

    def health(self) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "control_plane.daemon_health"],
            env=self.environment,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        return done.returncode, done.stdout + done.stderr

    def wait_until(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while not happened():
            assert time.monotonic() < deadline, f"not {what}: {self.log.read_text()[-3000:]}"
            time.sleep(0.3)


@pytest.fixture
def start(tmp_path: Path, postgres_environment: dict[str, str]) -> Iterator[Callable[..., Daemon]]:
    home = tmp_path / "home"
    home.mkdir()
    socket = quote(postgres_environment["ASSAY_PG_HOST"], safe="")
    url = f"postgresql+psycopg2://dagster:secret-dagster@/dagster?host={socket}"
    config = {
        "storage": {"postgres": {"postgres_url": url}},
        "telemetry": {"enabled": False},
        "run_monitoring": {"enabled": True},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    (home / "workspace.yaml").write_text("load_from: []\n")
    environment = {
        **os.environ,
        **postgres_environment,
        "DAGSTER_HOME": str(home),
        # It tidies the run containers of its project: never those of an Assay on this machine.
        "ASSAY_PROJECT": f"assaytest{uuid.uuid4().hex[:8]}",
    }
    daemons: list[Daemon] = []

    def start(name: str, **told: str) -> Daemon:
        daemons.append(Daemon(tmp_path / name, environment | told))
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.process.kill()
        daemon.process.wait()


def test_one_works_the_other_waits_and_follows_when_the_lock_is_lost(
    start: Callable[[str], Daemon], postgres_environment: dict[str, str]
) -> None:
    first = start("first")
    first.wait_until(lambda: first.health()[0] == 0, "well")
    second = start("second")
    second.wait_until(lambda: "another daemon holds the lock" in second.health()[1], "waiting")
    assert second.health()[0] == 1

    dsn = settings(postgres_environment).dagster_dsn()
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'assay daemon lock' AND backend_start ="
            " (SELECT min(backend_start) FROM pg_stat_activity"
            "  WHERE application_name = 'assay daemon lock')"
        )
    assert first.process.wait(timeout=30) == 75
    assert "the lock is lost, ending at once" in first.log.read_text()

    second.wait_until(lambda: "This is the only daemon now." in second.log.read_text(), "alone")
    second.wait_until(lambda: second.health()[0] == 0, "well")
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(timeout=90) == 0


def test_a_waiting_daemon_ends_when_asked_to(start: Callable[[str], Daemon]) -> None:
    first = start("first")
    first.wait_until(lambda: "This is the only daemon now." in first.log.read_text(), "alone")
    second = start("second")
    second.wait_until(lambda: "another daemon holds the lock" in second.log.read_text(), "waiting")
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(timeout=30) == 0


def test_a_limit_that_makes_no_sense_is_named_since_it_would_be_none(
    start: Callable[..., Daemon],
) -> None:
    daemon = start("first", ASSAY_RUN_TIMEOUT_MOST="soon")
    assert daemon.process.wait(timeout=60) == 1
    assert "ASSAY_RUN_TIMEOUT_MOST='soon' is no time" in daemon.log.read_text()


@pytest.mark.skipif(bool(engine_lacks()), reason=engine_lacks() or "")
def test_a_container_over_the_limit_is_ended_though_no_record_says_so(
    start: Callable[..., Daemon], playground: Playground
) -> None:
    playground.image("sleeps", "exec sleep 600")
    labels = {"assay.project": playground.project, "assay.kind": "run", "dagster/run_id": "r1"}
    image = f"{playground.project}/tiny:sleeps"
    container = playground.client.containers.run(
        image, ["sleep", "600"], labels=labels, detach=True, init=True
    )
    daemon = start("first", ASSAY_PROJECT=playground.project, ASSAY_RUN_TIMEOUT_MOST="1s")

    def ended() -> bool:
        container.reload()
        return bool(container.status == "exited")

    daemon.wait_until(ended, "ended")
    said = "Run r1 was ended: it took longer than ASSAY_RUN_TIMEOUT_MOST."
    daemon.wait_until(lambda: said in daemon.log.read_text(), "said")

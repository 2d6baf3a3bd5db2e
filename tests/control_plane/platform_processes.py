"""What looks, keeps and sends, as real processes on a real Postgres, without containers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import psycopg2
import yaml

from control_plane.settings import Settings
from tests.control_plane.test_alerter import sql
from tests.control_plane.watched_code import doomed

REPOSITORY = Path(__file__).parents[2]
PATIENCE_SECONDS = 180

TOLD = """
SELECT a.key, a.state, count(t.id) FROM ops.alerts a
JOIN ops.alert_transitions t ON t.key = a.key AND t.transition = 'opened'
GROUP BY a.key, a.state
"""
WAITING = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ops.alerts'::regclass
"""


class Platform:
    """Alerter, daemon and code server, each a process when it is started, and the instance."""

    def __init__(self, folder: Path, here: Settings) -> None:
        self.here = here
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        place = quote(here.environment["ASSAY_PG_HOST"], safe="")
        url = f"postgresql+psycopg2://dagster:secret-dagster@/dagster?host={place}"
        config = {
            "storage": {"postgres": {"postgres_url": url}},
            "telemetry": {"enabled": False},
        }
        (folder / "dagster.yaml").write_text(yaml.safe_dump(config))
        location = {"host": "127.0.0.1", "port": self.port, "location_name": "watched"}
        (folder / "workspace.yaml").write_text(
            yaml.safe_dump({"load_from": [{"grpc_server": location}]})
        )
        self.environment = {
            **os.environ,
            **here.environment,
            "DAGSTER_HOME": str(folder),
            "TMPDIR": str(folder),
            # The daemon tidies its project's run containers: never those of an Assay here.
            "ASSAY_PROJECT": f"assaytest{uuid.uuid4().hex[:8]}",
            "ASSAY_ROOT": str(folder),
            "ASSAY_METRICS_ADDRESS": "127.0.0.1:0",
            # There is none: what the alerter would see by it is not asked for here.
            "ASSAY_WEBSERVER_URL": "http://127.0.0.1:1",
        }
        # Before the others, who would make its tables at once.
        self.dagster = dg.DagsterInstance.from_config(str(folder))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.commands = {
            "alerter": ["control_plane.alerter"],
            "daemon": ["control_plane.daemon"],
            "code server": [
                *("dagster", "code-server", "start", "--host", "127.0.0.1"),
                *("--port", str(self.port), "-m", "tests.control_plane.watched_code"),
            ],
        }

    def start(self, name: str) -> None:
        """Start `alerter`, `daemon` or `code server`; its log is in the folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *self.commands[name]],
                env=self.environment,
                cwd=REPOSITORY,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL, to its children too."""
        process = self.processes[name]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=60)

    def fail_a_run(self, partition: str) -> str:
        """A run of `doomed` has failed for good; the key of the alert that it must get."""
        tags = {"dagster/partition": partition, "dagster/max_retries": "0"}
        run = self.dagster.create_run_for_job(doomed, tags=tags)
        self.dagster.report_run_failed(run, "killed by a test")
        return f"run.failed:doomed:{partition}"

    @contextmanager
    def ticks_held(self) -> Iterator[None]:
        """No tick gets beyond the alert that it writes."""
        with closing(psycopg2.connect(self.here.warehouse_dsn("migrator"))) as connection:
            connection.cursor().execute("LOCK TABLE ops.alerts IN EXCLUSIVE MODE")
            yield

    def told(self) -> list[tuple[str, str, int]]:
        """Each alert: its key, its state, and how often it was opened."""
        return sorted(sql(self.here, TOLD, "alerter"))

    def in_a_tick(self) -> bool:
        """Whether a tick waits for the alerts that are held."""
        return bool(sql(self.here, WAITING, "migrator")[0][0])

    def wait_until(
        self, happened: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Poll until it has happened; the logs' ends if it does not."""
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline:
                logs = [path.read_text()[-3000:] for path in self.folder.glob("*.log")]
                raise AssertionError(f"not {what}:\n" + "\n---\n".join(logs))
            time.sleep(0.2)

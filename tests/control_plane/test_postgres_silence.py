"""A Postgres that hangs is told of like one that is gone: stopped processes, and a deaf server."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from control_plane import postgres_silence
from control_plane.alert_watch import Watch
from control_plane.metrics import PlatformMetrics
from control_plane.postgres_silence import PostgresSilentError, connect, never_wait_for_ever, why
from control_plane.settings import Settings
from tests.control_plane.test_alerter import raise_alert
from tests.control_plane.test_metrics import samples
from tests.control_plane.webhook import Webhook

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(postgres_silence, "SILENT_SECONDS", 2)
    monkeypatch.setattr(postgres_silence, "CONNECTING_SECONDS", 1)
    never_wait_for_ever()
    yield
    psycopg2.extensions.set_wait_callback(None)


@contextmanager
def stopped(here: Settings) -> Iterator[None]:
    """Postgres with all its processes stands still, as in a container that is paused."""
    with closing(psycopg2.connect(here.warehouse_dsn("alerter"))) as connection:
        stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
        main = int(stat.rpartition(")")[2].split()[1])
    os.kill(main, signal.SIGSTOP)
    children = [int(pid) for pid in Path(f"/proc/{main}/task/{main}/children").read_text().split()]
    try:
        for pid in children:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in [*children, main]:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.usefixtures("_impatient")
def test_neither_a_query_nor_a_connection_waits_for_ever_and_both_work_again(
    ops: Settings,
) -> None:
    dsn = ops.warehouse_dsn("alerter")
    with closing(connect(dsn)) as idle, closing(connect(dsn)) as busy:
        busy.cursor().execute("SELECT 1")
        with stopped(ops):
            with pytest.raises(psycopg2.Error) as silence, idle, idle.cursor() as cursor:
                cursor.execute("SELECT 1")
            assert why(silence.value) == "it has been silent for 2 s"
            with pytest.raises(psycopg2.Error):
                busy.commit()
            with pytest.raises(PostgresSilentError, match="silent for 1 s"):
                connect(dsn)
    with closing(connect(dsn)) as again, again, again.cursor() as cursor:
        cursor.execute("SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
        assert len(cursor.fetchall()) == 20000


def test_a_server_that_loses_the_way_to_the_alerter_gives_its_locks_back(ops: Settings) -> None:
    with closing(connect(ops.warehouse_dsn("alerter"))) as connection:
        assert "tcp_keepalives_idle=15" in connection.info.options


@pytest.mark.usefixtures("_impatient")
def test_metrics_say_within_a_scrape_that_postgres_and_webserver_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres_silence, "CONNECTING_SECONDS", 60)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        port = deaf.getsockname()[1]
        watch = Watch(lambda: pytest.fail("not asked"), lambda: [], time.time)
        dsn = f"host=127.0.0.1 port={port} dbname=x user=y"
        began = time.monotonic()
        found = samples(PlatformMetrics(f"http://127.0.0.1:{port}", dsn, watch))
        assert time.monotonic() - began < 10  # what Prometheus allows
    assert found["assay_up webserver"] == found["assay_up postgres"] == 0


@pytest.mark.timeout(400)
def test_a_postgres_that_hangs_is_told_within_two_minutes_and_its_return_too(
    ops: Settings, tmp_path: Path
) -> None:
    routes = 'routes: [{kind: "postgres.*", to: [on-call]}]'
    (tmp_path / "routes.yaml").write_text(routes)
    with Webhook() as hook, Webhook() as not_on_call:
        environment = {
            **os.environ,
            **ops.environment,
            "ASSAY_ALERT_URLS": f"on-call={hook.url} {not_on_call.url}",
            "ASSAY_ALERTS_FOLDER": str(tmp_path),
            "ASSAY_ROOT": str(tmp_path),
            "ASSAY_METRICS_ADDRESS": "127.0.0.1:0",
            "ASSAY_WEBSERVER_URL": "http://127.0.0.1:1",
            "TMPDIR": str(tmp_path),
        }

        def health() -> tuple[int, str]:
            look = [sys.executable, "-m", "control_plane.alerter_health"]
            done = subprocess.run(
                look, env=environment, cwd=REPOSITORY, capture_output=True, text=True
            )
            return done.returncode, done.stderr

        alerter = subprocess.Popen(
            [sys.executable, "-m", "control_plane.alerter"], env=environment, cwd=REPOSITORY
        )
        try:
            wait_until(lambda: (tmp_path / "assay-alerter.health").exists(), 60)
            with stopped(ops):
                wait_until(lambda: bool(hook.titles), 120)
                assert "critical: platform: Postgres does not answer" in hook.titles[0]
                code, said = health()
                assert code == 1
                assert re.search(r"warehouse does not answer: it has been silent for \d+ s", said)
            wait_until(lambda: len(hook.titles) > 1, 90)
            assert "resolved: platform: Postgres does not answer" in hook.titles[1]
            raise_alert(ops)  # the channel's own thread has come back, too
            wait_until(lambda: len(hook.titles) > 2, 90)
            assert "a run failed" in hook.titles[2]
            wait_until(lambda: bool(not_on_call.titles), 30)
            assert ["a run failed" in title for title in not_on_call.titles] == [True]
            assert health()[0] == 0
        finally:
            alerter.kill()
            alerter.wait()


def wait_until(happened: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)

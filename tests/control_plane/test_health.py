"""Signs of life in a file: what a healthcheck sees."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from control_plane.health import ailment, health_file, note_health, report


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_nothing_noted_yet_is_not_well() -> None:
    assert ailment("daemon", 10) == "daemon has given no sign of life yet"


def test_a_fresh_ok_is_well() -> None:
    note_health("daemon")
    assert ailment("daemon", 10) is None
    assert report("daemon", 10) == 0


def test_what_is_wrong_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    note_health("daemon", "no heartbeat from SENSOR")
    assert report("daemon", 10) == 1
    assert "daemon: no heartbeat from SENSOR" in capsys.readouterr().err


def test_an_old_ok_is_not_well() -> None:
    note_health("daemon")
    long_ago = time.time() - 100
    os.utime(health_file("daemon"), (long_ago, long_ago))
    assert "no sign of life for 100 s (last: ok)" in (ailment("daemon", 10) or "")


@pytest.mark.parametrize("module", ["daemon_health", "alerter_health"])
def test_looking_is_cheap(module: str, tmp_path: Path) -> None:
    """It must not import Dagster, nor anything else that takes its time."""
    code = (
        "import sys, runpy\n"
        f"try: runpy.run_module('control_plane.{module}', run_name='__main__')\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'dagster', 'psycopg2', 'docker', 'apprise', 'sqlalchemy'} & set(sys.modules)\n"
        "print(code, heavy or 'light')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "1 light"
    assert "no sign of life yet" in done.stderr

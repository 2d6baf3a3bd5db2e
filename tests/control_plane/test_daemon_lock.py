"""The lock that makes a daemon the only one, on a real Postgres."""

from __future__ import annotations

import re
import threading
import time
from contextlib import closing

import psycopg2
import pytest

from control_plane.daemon import guard
from control_plane.daemon_lock import _SERVER_END, DaemonLock, LockLostError
from control_plane.settings import settings


@pytest.fixture
def dsn(postgres_environment: dict[str, str]) -> str:
    return settings(postgres_environment).dagster_dsn()


def cut_off_all(dsn: str) -> None:
    """What a restart of Postgres does to every connection."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def acquire(lock: DaemonLock, said: list[str]) -> threading.Thread:
    thread = threading.Thread(target=lock.acquire, args=(said.append, 0.05), daemon=True)
    thread.start()
    return thread


def wait_until_said(said: list[str]) -> None:
    deadline = time.monotonic() + 30
    while not said:
        assert time.monotonic() < deadline, "nothing was said"
        time.sleep(0.02)


def test_a_second_daemon_waits_says_so_once_and_follows(dsn: str) -> None:
    said: list[str] = []
    first, second = DaemonLock(dsn), DaemonLock(dsn)
    first.acquire(said.append)
    assert said == []
    waiting = acquire(second, said)
    wait_until_said(said)
    waiting.join(timeout=0.3)
    assert waiting.is_alive()
    assert len(said) == 1
    assert said[0].startswith("another daemon holds the lock (from ")
    first.release()
    waiting.join(timeout=30)
    assert not waiting.is_alive()
    second.check()
    second.release()


def test_a_lock_whose_connection_died_is_lost(dsn: str) -> None:
    lock = DaemonLock(dsn)
    lock.acquire(print)
    lock.check()
    cut_off_all(dsn)
    with pytest.raises(LockLostError):
        lock.check()
    lock.release()


def test_an_idle_lock_is_kept_whatever_the_server_does_with_idle_sessions(dsn: str) -> None:
    def idle_for(limit: str) -> None:
        with closing(psycopg2.connect(dsn)) as connection, connection:
            connection.cursor().execute(f"ALTER ROLE dagster SET idle_session_timeout = {limit}")

    idle_for("100")
    try:
        lock = DaemonLock(dsn)
        lock.acquire(print)
        time.sleep(0.5)
        lock.check()
        lock.release()
    finally:
        idle_for("0")


def test_a_dead_network_is_noticed_by_us_before_the_server_begins_to_ask(dsn: str) -> None:
    lock = DaemonLock(dsn)
    lock.acquire(print)
    ours = lock._connection.get_dsn_parameters()
    lock.release()
    pattern = r"SET tcp_keepalives_(\w+) = (\d+)"
    server = {name: int(seconds) for name, seconds in re.findall(pattern, _SERVER_END)}
    assert ours["keepalives"] == "1"
    asks = int(ours["keepalives_interval"]) * int(ours["keepalives_count"])
    assert int(ours["keepalives_idle"]) + asks < server["idle"]
    assert int(ours["tcp_user_timeout"]) / 1000 < server["idle"]
    assert server["idle"] + server["interval"] * server["count"] <= 60, "a dead daemon's lock"


def test_the_guard_ends_the_process_with_a_code_of_its_own(dsn: str) -> None:
    lock, codes = DaemonLock(dsn), []
    lock.acquire(print)
    cut_off_all(dsn)
    guard(lock, codes.append)
    assert codes == [75]
    lock.release()


def test_a_postgres_that_is_away_is_waited_for(dsn: str, postgres_environment: dict) -> None:
    nowhere = settings({**postgres_environment, "ASSAY_PG_HOST": "/nowhere"}).dagster_dsn()
    said: list[str] = []
    lock = DaemonLock(nowhere)
    waiting = acquire(lock, said)
    wait_until_said(said)
    assert [text.split(":")[0] for text in said] == ["Postgres does not answer"]
    assert "secret-dagster" not in said[0]
    lock._dsn = dsn
    waiting.join(timeout=30)
    assert not waiting.is_alive()
    lock.release()


def test_a_waiting_daemon_survives_being_cut_off(dsn: str) -> None:
    said: list[str] = []
    first, second = DaemonLock(dsn), DaemonLock(dsn)
    first.acquire(print)
    waiting = acquire(second, said)
    wait_until_said(said)
    cut_off_all(dsn)
    waiting.join(timeout=30)
    assert not waiting.is_alive()
    second.check()
    with pytest.raises(LockLostError):
        first.check()
    first.release()
    second.release()

"""`python -m control_plane.daemon …`: dagster-daemon, alone, watched and tidied after.

Takes the arguments of `dagster-daemon run`; without `-w` the workspace.yaml in DAGSTER_HOME is
used. Around Dagster's own loop six threads work: one guards the lock that makes this daemon the
only one and ends the process at once if it is lost, one compares the heartbeats with the time for
the healthcheck, one fails runs that died at boot or never began, one ends runs that take too long,
one makes alerts of what docker_gate refused, one removes old run containers.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import docker
from dagster import DagsterInstance
from dagster._daemon.controller import get_daemon_statuses

from control_plane.boot_crashes import fail_crashed_starts, fail_late_starts
from control_plane.daemon_lock import DaemonLock, LockLostError
from control_plane.health import OK, note_health
from control_plane.launcher import AssayRunLauncher
from control_plane.postgres_patience import wait_longer_for_postgres
from control_plane.queue_interval import look_at_the_queue_often
from control_plane.reaper import reap, run_ended_at
from control_plane.refused_requests import RefusedRequests
from control_plane.run_time_limit import end_overdue_runs
from control_plane.service_log import service_log, write_the_rest_so_too
from control_plane.settings import Settings, SettingsError, settings

log = service_log("daemon")

LOCK_CHECK_SECONDS = 3
HEALTH_SECONDS = 10
START_SECONDS = 15
LIMIT_SECONDS = 15
REAP_SECONDS = 60
REFUSED_SECONDS = 10
# Dagster adds the interval of the heartbeats, 30 s: dead is who has been silent for 75 s.
HEARTBEAT_TOLERANCE_SECONDS = 45

LOCK_LOST_EXIT_CODE = 75


def still_ours(lock: DaemonLock, give_up: Callable[[int], object] = os._exit) -> bool:
    """Whether `lock` is held; the moment it is not, `give_up`: no cleaning up, no last launch."""
    try:
        lock.check()
    except LockLostError as error:
        print(f"assay.daemon: the lock is lost, ending at once: {error}", file=sys.stderr)
        sys.stderr.flush()
        give_up(LOCK_LOST_EXIT_CODE)
        return False
    return True


def guard(lock: DaemonLock, give_up: Callable[[int], object] = os._exit) -> None:
    """Look for ever whether `lock` is held, and not only before each launch."""
    while still_ours(lock, give_up):
        time.sleep(LOCK_CHECK_SECONDS)


def heartbeat_state(instance: DagsterInstance) -> str:
    """OK, or which of the daemons that this instance needs have been silent for 75 s."""
    statuses = get_daemon_statuses(
        instance,
        instance.get_required_daemon_types(),
        heartbeat_tolerance_seconds=HEARTBEAT_TOLERANCE_SECONDS,
        ignore_errors=True,
    )
    silent = sorted(name for name, status in statuses.items() if not status.healthy)
    return f"no heartbeat from {', '.join(silent)}" if silent else OK


def watch_health(instance: DagsterInstance) -> None:
    """Note the state of the heartbeats for the healthcheck, for ever."""
    while True:
        try:
            note_health("daemon", heartbeat_state(instance))
        except Exception as error:
            note_health("daemon", f"the heartbeats cannot be read ({type(error).__name__})")
        time.sleep(HEALTH_SECONDS)


def watch_starts(instance: DagsterInstance) -> None:
    """Fail runs whose container died before they began, and those that never began."""
    for run_id in fail_crashed_starts(instance):
        log.warning("Run %s has failed: its container ended before the run began.", run_id)
    for run_id in fail_late_starts(instance):
        log.warning("Run %s has failed: it did not begin in time.", run_id)


def end_overdue(instance: DagsterInstance, here: Settings) -> None:
    """End runs that take longer than any run may."""
    client = docker.from_env()
    try:
        overdue = end_overdue_runs(client, instance, here.project, here.most_run_seconds())
    finally:
        client.close()
    for run_id in overdue:
        log.warning("Run %s was ended: it took longer than ASSAY_RUN_TIMEOUT_MOST.", run_id)


def tidy(instance: DagsterInstance, here: Settings) -> None:
    """Remove old run containers and kill zombies."""
    client = docker.from_env()
    try:
        done = reap(client, here.project, lambda run_id: run_ended_at(instance, run_id))
    finally:
        client.close()
    if done.removed:
        log.info("Removed %d finished run containers.", len(done.removed))
    for run_id in done.killed:
        log.warning("Killed the container of run %s: the run was over.", run_id)


def tell(refused: RefusedRequests) -> None:
    """Raise the alert for what docker_gate refused."""
    if refused.has_gate and (many := refused.report()):
        log.warning("docker_gate refused %d requests: see the alerts.", many)


def repeat(seconds: float, work: Callable[[], None], name: str) -> None:
    """Do `work` every so many seconds, for ever; what goes wrong is said once, not each time."""
    complaint = ""
    while True:
        try:
            work()
            complaint = ""
        except Exception as error:
            if complaint != str(error):
                complaint = str(error)
                log.warning("%s did not work, trying again: %s", name, complaint)
        time.sleep(seconds)


def arguments(given: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """`given` for `dagster-daemon run`, with the workspace.yaml of DAGSTER_HOME if none is."""
    workspace = Path(environment.get("DAGSTER_HOME", ".")) / "workspace.yaml"
    if given or not workspace.exists():
        return ["run", *given]
    return ["run", "-w", str(workspace)]


def main() -> None:
    """Wait for the lock, then be the daemon until stopped."""
    # As process 1 of a container Python would ignore a SIGTERM that nobody handles.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    write_the_rest_so_too()
    wait_longer_for_postgres()
    look_at_the_queue_often()
    here = settings()

    def say(reason: str) -> None:
        log.warning("%s", reason)
        note_health("daemon", reason)

    try:
        here.most_run_seconds()  # a limit that makes no sense would be none
        lock = DaemonLock(here.dagster_dsn())
    except SettingsError as error:
        sys.exit(f"assay.daemon: {error}")
    lock.acquire(say)
    log.info("This is the only daemon now.")
    AssayRunLauncher.may_launch = lambda _: still_ours(lock)
    instance = DagsterInstance.get()
    refused = RefusedRequests(here)
    for work in (
        lambda: guard(lock),
        lambda: watch_health(instance),
        lambda: repeat(START_SECONDS, lambda: watch_starts(instance), "looking at starting runs"),
        lambda: repeat(LIMIT_SECONDS, lambda: end_overdue(instance, here), "ending overdue runs"),
        lambda: repeat(REFUSED_SECONDS, lambda: tell(refused), "asking for refused requests"),
        lambda: repeat(REAP_SECONDS, lambda: tidy(instance, here), "tidying run containers"),
    ):
        threading.Thread(target=work, daemon=True).start()

    from dagster._daemon.cli import create_dagster_daemon_cli

    create_dagster_daemon_cli().main(arguments(sys.argv[1:], os.environ), "dagster-daemon", obj={})


if __name__ == "__main__":
    main()

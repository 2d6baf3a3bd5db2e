"""The daemon's loop takes its interval from where we set it: fails when upstream moves."""

import subprocess
import sys

# In a process of its own: what is set holds for the whole process.
LOOK = """
import tempfile
from pathlib import Path
import dagster as dg
from dagster._core.test_utils import instance_for_test
from dagster._daemon.controller import create_daemon_of_type
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from control_plane.queue_interval import look_at_the_queue_often

queue = {
    "module": "dagster.core.run_coordinator",
    "class": "QueuedRunCoordinator",
    "config": {"dequeue_interval_seconds": 7},
}
with instance_for_test(overrides={"run_coordinator": queue}) as instance:
    kind = QueuedRunCoordinatorDaemon.daemon_type()
    before = create_daemon_of_type(kind, instance).interval_seconds
    look_at_the_queue_often()
    print(before, create_daemon_of_type(kind, instance).interval_seconds)
"""


def test_the_daemon_looks_at_the_queue_twice_a_second() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOOK], capture_output=True, text=True
    )
    assert done.stdout.split() == ["7", "0.5"], done.stderr

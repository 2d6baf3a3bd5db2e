"""What a run's container leaves when it dies: exit code, last words, the limit it reached."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.launcher.base import WorkerStatus
from dagster._core.test_utils import create_run_for_test

from control_plane.boot_crashes import fail_crashed_starts
from tests.control_plane.docker_playground import engine_lacks
from tests.control_plane.launched_runs import (
    SLEEPS,
    Launch,
    wait_for,
)

pytestmark = pytest.mark.skipif(bool(engine_lacks()), reason=engine_lacks() or "")


def test_a_crash_at_boot_leaves_exit_code_and_last_words_without_the_password(
    launch: Launch, instance: dg.DagsterInstance
) -> None:
    run, container = launch(
        "crashes",
        f'echo "No module named x, password assay-secret-{"0a" * 32}" >&2; exit 3',
    )
    wait_for(container, "exited")
    evidence = instance.run_launcher.get_run_worker_debug_info(run, include_container_logs=False)
    assert evidence is not None
    assert "exit code 3" in evidence
    assert "No module named x, password •••" in evidence
    assert instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.FAILED


def test_a_run_that_died_at_boot_is_failed_at_once_with_the_reason(
    launch: Launch, instance: dg.DagsterInstance
) -> None:
    dead, container = launch("crashes_at_boot", 'echo "No module named x" >&2; exit 3')
    lives, other = launch("sleeps", SLEEPS)
    wait_for(container, "exited")
    wait_for(other, "running")
    assert fail_crashed_starts(instance) == [dead.run_id]
    assert fail_crashed_starts(instance) == []
    statuses = [(instance.get_run_by_id(run.run_id) or run).status for run in (dead, lives)]
    assert statuses == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTING]
    said = "".join(event.message for event in instance.all_logs(dead.run_id))
    assert "exit code 3" in said
    assert "No module named x" in said
    other.kill()


def test_a_retry_is_not_called_dead_for_its_parents_container(
    launch: Launch, instance: dg.DagsterInstance
) -> None:
    parent, container = launch("is_a_parent", "exit 3")
    wait_for(container, "exited")
    # As Dagster makes it: with all of the parent's tags.
    retry = create_run_for_test(
        instance,
        "a_job",
        status=dg.DagsterRunStatus.STARTING,
        tags={"docker/container_id": str(container.id)},
    )
    failed = fail_crashed_starts(instance)
    assert parent.run_id in failed
    assert retry.run_id not in failed
    assert instance.run_launcher.get_run_worker_debug_info(retry) is None


def test_out_of_memory_is_said_with_the_limit(launch: Launch, instance: dg.DagsterInstance) -> None:
    run, container = launch("eats", "a=0123456789; while :; do a=$a$a; done")
    wait_for(container, "exited")
    evidence = instance.run_launcher.get_run_worker_debug_info(run) or ""
    assert (
        "out of memory: it reached its limit of 64 MiB. Give the job the tag assay/memory"
        in evidence
    )
    assert "exit code 137" in evidence


def test_a_container_that_is_gone_is_not_found(
    launch: Launch, instance: dg.DagsterInstance
) -> None:
    run, container = launch("sleeps", SLEEPS)
    container.remove(force=True)
    assert instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.NOT_FOUND
    assert instance.run_launcher.get_run_worker_debug_info(run) is None

"""A run is failed, and done again, only once its container is dead for certain."""

from __future__ import annotations

import dagster as dg
import docker
import docker.errors
import pytest
from dagster._core.launcher.base import WorkerStatus

from control_plane.boot_crashes import fail_late_starts
from tests.control_plane.docker_playground import Playground, engine_lacks
from tests.control_plane.launched_runs import (
    SLEEPS,
    Launch,
    make_run,
    ours,
    wait_for,
    wait_for_words,
)

pytestmark = pytest.mark.skipif(bool(engine_lacks()), reason=engine_lacks() or "")


def test_a_paused_container_is_dead_before_its_run_is_called_failed(
    launch: Launch, instance: dg.DagsterInstance
) -> None:
    run, container = launch("sleeps", SLEEPS)
    wait_for(container, "running")
    assert instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    container.pause()
    assert instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.FAILED
    container.reload()
    assert container.status == "exited"


def test_a_container_that_the_runs_record_does_not_know_is_dead_too(
    launch: Launch, instance: dg.DagsterInstance
) -> None:
    run, container = launch("sleeps", SLEEPS)
    wait_for(container, "running")
    forgotten = run.with_tags({})
    health = instance.run_launcher.check_run_worker_health(forgotten)
    assert health.status == WorkerStatus.NOT_FOUND
    assert "ended to be sure" in str(health.msg)
    container.reload()
    assert container.status == "exited"


def test_a_container_that_was_never_started_is_gone_before_its_run_is_called_failed(
    instance: dg.DagsterInstance, playground: Playground
) -> None:
    run = make_run(instance, playground.image("sleeps", SLEEPS))
    made = playground.client.containers.create(
        f"{playground.project}/tiny:sleeps",
        ["sh"],
        labels={
            "assay.project": playground.project,
            "assay.kind": "run",
            "dagster/run_id": run.run_id,
        },
    )
    instance.add_run_tags(run.run_id, {"docker/container_id": made.id})
    health = instance.run_launcher.check_run_worker_health(
        instance.get_run_by_id(run.run_id) or run
    )
    assert (health.status, "was created" in str(health.msg)) == (WorkerStatus.FAILED, True)
    with pytest.raises(docker.errors.NotFound):
        made.reload()


def test_an_engine_that_does_not_answer_leaves_the_run_as_it_is(
    launch: Launch,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, container = launch("sleeps", SLEEPS)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(docker.errors.DockerException):
        instance.run_launcher.check_run_worker_health(run)
    with pytest.raises(docker.errors.DockerException):
        fail_late_starts(instance, seconds=0)
    assert (instance.get_run_by_id(run.run_id) or run).status == dg.DagsterRunStatus.STARTING
    container.kill()


def test_a_run_is_not_done_again_while_its_container_lives(
    launch: Launch,
    instance: dg.DagsterInstance,
    playground: Playground,
) -> None:
    run, container = launch("sleeps", SLEEPS)
    wait_for(container, "running")
    container.pause()
    instance.report_run_failed(run, "as if by a timeout while the engine was away")
    retry = make_run(instance, f"{playground.project}/tiny:sleeps", parent=run.run_id)
    instance.launch_run(retry.run_id, None)  # type: ignore[arg-type]
    container.reload()
    assert container.status == "exited"
    assert len(ours(playground, retry)) == 1
    ours(playground, retry)[0].kill()


def test_a_run_that_does_not_begin_in_time_is_dead_before_it_is_failed(
    launch: Launch, instance: dg.DagsterInstance
) -> None:
    run, container = launch("sleeps", SLEEPS)
    wait_for_words(container, "started")
    assert run.run_id not in fail_late_starts(instance)
    assert run.run_id in fail_late_starts(instance, seconds=0)
    container.reload()
    assert container.status == "exited"
    again = instance.get_run_by_id(run.run_id)
    assert again is not None
    assert again.status == dg.DagsterRunStatus.FAILURE
    assert "did not begin within" in "".join(e.message for e in instance.all_logs(run.run_id))

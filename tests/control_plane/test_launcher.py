"""Run containers on a real engine: made as settled, whatever the code location asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import dagster as dg
import docker
import docker.errors
import pytest
from dagster._core.launcher.base import WorkerStatus
from dagster._core.origin import (
    DEFAULT_DAGSTER_ENTRY_POINT,
    JobPythonOrigin,
    RepositoryPythonOrigin,
)
from dagster._core.test_utils import create_run_for_test, instance_for_test
from docker.models.containers import Container

from control_plane.boot_crashes import fail_crashed_starts, fail_late_starts
from control_plane.launcher import AssayRunLauncher
from tests.control_plane.docker_playground import Playground, engine_lacks

pytestmark = pytest.mark.skipif(bool(engine_lacks()), reason=engine_lacks() or "")

SLEEPS = "trap 'exit 0' TERM; echo started; while :; do sleep 0.1; done"
GREEDY_LOCATION = {
    "env_vars": ["LD_PRELOAD=/tmp/x.so"],
    "docker": {
        "env_vars": ["STOLEN=1"],
        "networks": ["host"],
        "container_kwargs": {"privileged": True, "volumes": ["/:/host"], "mem_limit": "100g"},
    },
}


@pytest.fixture(scope="module")
def playground() -> Iterator[Playground]:
    here = Playground(docker.from_env())
    try:
        here.make_network()
        yield here
    finally:
        here.remove()


@pytest.fixture
def instance(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    for name, value in {
        "ASSAY_PROJECT": playground.project,
        "ASSAY_ROOT": "/assay",
        "ASSAY_RUN_MEMORY": "64m",
        "ASSAY_RUN_CPUS": "0.5",
        "ASSAY_PG_HOST": "postgres",
        "ASSAY_ALERT_URLS": "json://not-for-runs",
    }.items():
        monkeypatch.setenv(name, value)
    launcher = {"module": "control_plane.launcher", "class": "AssayRunLauncher"}
    with instance_for_test(overrides={"run_launcher": launcher}) as instance:
        assert isinstance(instance.run_launcher, AssayRunLauncher)
        yield instance


@pytest.fixture
def launch(
    playground: Playground, instance: dg.DagsterInstance
) -> Callable[[str, str], tuple[dg.DagsterRun, Container]]:
    def launch(name: str, script: str) -> tuple[dg.DagsterRun, Container]:
        run = make_run(instance, playground.image(name, script))
        instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
        run = instance.get_run_by_id(run.run_id) or run
        return run, playground.client.containers.get(run.tags["docker/container_id"])

    return launch


def make_run(
    instance: dg.DagsterInstance,
    image: str,
    tags: dict[str, str] | None = None,
    parent: str | None = None,
) -> dg.DagsterRun:
    """A run as if queued by a code server that says `image` and asks for the moon."""
    origin = JobPythonOrigin(
        "a_job",
        RepositoryPythonOrigin(
            executable_path="python",
            code_pointer=dg._core.code_pointer.ModuleCodePointer("nowhere", "defs"),
            container_image=image,
            entry_point=DEFAULT_DAGSTER_ENTRY_POINT,
            container_context=GREEDY_LOCATION,
        ),
    )
    return create_run_for_test(
        instance,
        "a_job",
        job_code_origin=origin,
        status=dg.DagsterRunStatus.NOT_STARTED,
        tags=tags,
        parent_run_id=parent,
        root_run_id=parent,
    )


def wait_for(container: Container, *states: str) -> None:
    deadline = time.monotonic() + 60
    while container.status not in states:
        assert time.monotonic() < deadline, f"{container.status}, not {states}"
        time.sleep(0.05)
        container.reload()


def wait_for_words(container: Container, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in container.logs().decode():
        assert time.monotonic() < deadline, f"{words!r} was not said"
        time.sleep(0.05)


def test_the_container_is_made_from_the_settings_alone(
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]], playground: Playground
) -> None:
    run, container = launch("sleeps", SLEEPS)
    wait_for(container, "running")
    host, config = container.attrs["HostConfig"], container.attrs["Config"]
    assert config["Image"] == f"{playground.project}/tiny:sleeps"
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (2**26, 2**26, 500_000_000)
    assert host["Privileged"] is False
    assert host["ReadonlyRootfs"] is True
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges"])
    assert host["AutoRemove"] is False
    assert host["RestartPolicy"]["Name"] in ("", "no")
    assert list(container.attrs["NetworkSettings"]["Networks"]) == [f"{playground.project}_runs"]
    mounts = {
        mount["Destination"]: (mount["Name"], mount["RW"]) for mount in container.attrs["Mounts"]
    }
    assert mounts == {
        f"/assay/{name}": (f"{playground.project}_{name}", name not in ("landing", "contracts"))
        for name in ("data", "quarantine", "reports", "compute_logs", "landing", "contracts")
    } | {"/run/assay-secrets": (f"{playground.project}_secret_run", False)}
    labels = config["Labels"]
    assert labels["assay.project"] == playground.project
    assert labels["assay.kind"] == "run"
    assert labels["dagster/run_id"] == run.run_id
    told = dict(line.split("=", 1) for line in config["Env"])
    assert told["ASSAY_PG_HOST"] == "postgres"
    assert told["POLARS_MAX_THREADS"] == "1"
    assert "not-for-runs" not in str(told)
    assert "STOLEN" not in told
    assert "LD_PRELOAD" not in told
    container.kill()


def test_cancelling_ends_the_container(
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]], instance: dg.DagsterInstance
) -> None:
    run, container = launch("sleeps", SLEEPS)
    wait_for(container, "running")
    wait_for_words(container, "started")  # the script's trap is set
    began = time.monotonic()
    assert instance.run_launcher.terminate(run.run_id)
    wait_for(container, "exited")
    assert time.monotonic() - began < 15
    assert container.attrs["State"]["ExitCode"] == 0


def test_cancelling_a_run_without_a_container_says_no(instance: dg.DagsterInstance) -> None:
    run = make_run(instance, "never/started:1")
    assert instance.run_launcher.terminate(run.run_id) is False


def test_a_paused_container_is_dead_before_its_run_is_called_failed(
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]], instance: dg.DagsterInstance
) -> None:
    run, container = launch("sleeps", SLEEPS)
    wait_for(container, "running")
    assert instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    container.pause()
    assert instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.FAILED
    container.reload()
    assert container.status == "exited"


def test_a_container_that_the_runs_record_does_not_know_is_dead_too(
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]], instance: dg.DagsterInstance
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
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]],
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
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]],
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


def test_a_daemon_that_is_no_longer_alone_launches_nothing(
    instance: dg.DagsterInstance, playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: AssayRunLauncher) -> None:
        raise SystemExit(75)  # the daemon's own ends the process at once

    monkeypatch.setattr(AssayRunLauncher, "may_launch", gone)
    run = make_run(instance, playground.image("sleeps", SLEEPS))
    with pytest.raises(SystemExit):
        instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
    assert ours(playground, run) == []


def ours(playground: Playground, run: dg.DagsterRun) -> list[Container]:
    filters = {"label": f"dagster/run_id={run.run_id}"}
    return list(playground.client.containers.list(all=True, filters=filters))


def test_a_run_that_does_not_begin_in_time_is_dead_before_it_is_failed(
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]], instance: dg.DagsterInstance
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


def test_a_crash_at_boot_leaves_exit_code_and_last_words_without_the_password(
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]], instance: dg.DagsterInstance
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
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]], instance: dg.DagsterInstance
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


def test_out_of_memory_is_said_with_the_limit(
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]], instance: dg.DagsterInstance
) -> None:
    run, container = launch("eats", "a=0123456789; while :; do a=$a$a; done")
    wait_for(container, "exited")
    evidence = instance.run_launcher.get_run_worker_debug_info(run) or ""
    assert (
        "out of memory: it reached its limit of 64 MiB. Give the job the tag assay/memory"
        in evidence
    )
    assert "exit code 137" in evidence


def test_a_container_that_is_gone_is_not_found(
    launch: Callable[[str, str], tuple[dg.DagsterRun, Container]], instance: dg.DagsterInstance
) -> None:
    run, container = launch("sleeps", SLEEPS)
    container.remove(force=True)
    assert instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.NOT_FOUND
    assert instance.run_launcher.get_run_worker_debug_info(run) is None


def test_a_pruned_image_is_named_with_what_to_do(
    instance: dg.DagsterInstance, playground: Playground
) -> None:
    run = make_run(instance, f"{playground.project}/gone:1")
    with pytest.raises(
        Exception, match=r"image \S+/gone:1 is not on this host.*Launch the run anew"
    ):
        instance.launch_run(run.run_id, None)  # type: ignore[arg-type]


def test_a_missing_network_is_said_with_what_to_do(
    instance: dg.DagsterInstance, playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = replace(playground, project=f"{playground.project}x")
    monkeypatch.setenv("ASSAY_PROJECT", elsewhere.project)
    run = make_run(instance, playground.image("sleeps", SLEEPS))
    try:
        with pytest.raises(Exception, match=r"network \S+_runs not found.*`make up`"):
            instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
    finally:
        elsewhere.remove()

"""Old and stray run containers on a real engine."""

from __future__ import annotations

import time
from collections.abc import Iterator

import docker
import docker.errors
import pytest
from docker.models.containers import Container

from control_plane.reaper import Reaped, reap
from tests.control_plane.docker_playground import Playground, engine_lacks

pytestmark = pytest.mark.skipif(bool(engine_lacks()), reason=engine_lacks() or "")


@pytest.fixture(scope="module")
def playground() -> Iterator[Playground]:
    here = Playground(docker.from_env())
    try:
        here.image("sleeps", "exec sleep 600")
        yield here
    finally:
        here.remove()


@pytest.fixture(autouse=True)
def _nothing_left(playground: Playground) -> Iterator[None]:
    yield
    for container in playground.client.containers.list(
        all=True, filters={"label": f"assay.project={playground.project}"}
    ):
        container.remove(force=True)


def make(playground: Playground, command: str, *, run_id: str | None, kind: str) -> Container:
    labels = {"assay.project": playground.project, "assay.kind": kind}
    if run_id is not None:
        labels["dagster/run_id"] = run_id
    return playground.client.containers.create(
        f"{playground.project}/tiny:sleeps", ["sh", "-c", command], labels=labels
    )


def finished(playground: Playground, run_id: str | None = "r1", kind: str = "run") -> Container:
    container = make(playground, "exit 0", run_id=run_id, kind=kind)
    container.start()
    container.wait(timeout=10)
    return container


def never(run_id: str) -> None:
    return


def test_a_finished_container_is_kept_for_a_while_then_removed(playground: Playground) -> None:
    container = finished(playground)
    time.sleep(1.1)  # the engine's list counts whole seconds
    assert reap(playground.client, playground.project, never) == Reaped((), ())
    done = reap(playground.client, playground.project, never, keep_seconds=0.5)
    assert done == Reaped(("r1",), ())
    with pytest.raises(docker.errors.NotFound):
        container.reload()


def test_a_container_that_was_made_but_never_started_is_removed(playground: Playground) -> None:
    make(playground, "exit 0", run_id="r2", kind="run")
    time.sleep(1.1)
    done = reap(playground.client, playground.project, never, never_started_seconds=0.5)
    assert done.removed == ("r2",)


@pytest.mark.parametrize(
    ("ended_seconds_ago", "killed"), [(None, ()), (1.0, ()), (60.0, ("r3",))], ids=str
)
def test_a_container_works_for_its_run_alone(
    playground: Playground, ended_seconds_ago: float | None, killed: tuple[str, ...]
) -> None:
    container = make(playground, "sleep 600", run_id="r3", kind="run")
    container.start()
    ended = None if ended_seconds_ago is None else time.time() - ended_seconds_ago
    done = reap(
        playground.client,
        playground.project,
        lambda _: ended,
        grace_seconds=30,
        keep_seconds=0,
    )
    assert done == Reaped((), killed)
    container.reload()
    assert container.status == ("exited" if killed else "running")


def test_no_more_than_so_many_are_kept_the_newest(playground: Playground) -> None:
    finished(playground, "older")
    time.sleep(1.1)  # the engine's list counts whole seconds
    finished(playground, "newer")
    assert reap(playground.client, playground.project, never, keep_most=1).removed == ("older",)
    assert reap(playground.client, playground.project, never, keep_most=1).removed == ()


def test_others_containers_are_not_touched(playground: Playground) -> None:
    finished(playground, kind="service")
    finished(playground, run_id=None)
    finished(playground)
    time.sleep(1.1)
    other = reap(playground.client, f"{playground.project}x", never, keep_seconds=0)
    assert other == Reaped((), ())
    assert reap(playground.client, playground.project, never, keep_seconds=0).removed == ("r1",)


def test_one_that_was_never_started_goes_sooner_and_a_plan_removes_nothing(
    playground: Playground,
) -> None:
    made = make(playground, "exit 0", run_id="r4", kind="run")
    finished(playground)
    time.sleep(1.1)
    assert reap(playground.client, playground.project, never) == Reaped((), ())
    done = reap(playground.client, playground.project, never, never_started_seconds=0.5, plan=True)
    assert done == Reaped(("r4",), ())
    made.reload()
    done = reap(playground.client, playground.project, never, never_started_seconds=0.5)
    assert done.removed == ("r4",)
    with pytest.raises(docker.errors.NotFound):
        made.reload()

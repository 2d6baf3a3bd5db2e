"""A run ends at the limit by its container's age, whatever its tags and its record say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import dagster as dg
import docker
import pytest
from dagster._core.test_utils import instance_for_test

from control_plane.certain_death import StillAliveError
from control_plane.run_time_limit import end_overdue_runs
from tests.control_plane.docker_playground import Playground, engine_lacks
from tests.control_plane.launched_runs import SLEEPS, Launch, make_run, wait_for_words
from user_code.shared.run_endings import how_it_failed

PROJECT = "assay"
real = pytest.mark.skipif(bool(engine_lacks()), reason=engine_lacks() or "")


class Engine:
    """As much of an engine as is asked: containers with a state and an age."""

    def __init__(self) -> None:
        self.listed: list[dict[str, object]] = []
        self.ended: list[str] = []
        self.when_ended: Callable[[], object] = lambda: None
        self.api = self.containers = self

    def add(self, run_id: str, age: float, state: str = "running") -> None:
        labels = {"dagster/run_id": run_id}
        self.listed.append(
            {"Id": run_id, "Labels": labels, "State": state, "Created": time.time() - age}
        )

    def __call__(self, **asked: object) -> list[dict[str, object]]:
        labels = [f"assay.project={PROJECT}", "assay.kind=run", "dagster/run_id"]
        assert asked == {"all": True, "filters": {"label": labels}}, "no other container"
        return self.listed


@pytest.fixture
def records() -> Iterator[dg.DagsterInstance]:
    with instance_for_test() as here:
        yield here


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    here = Engine()

    def end(_client: object, project: str, run_id: str) -> list[str]:
        assert project == PROJECT
        if run_id == "immortal":
            raise StillAliveError("it does not end")
        here.ended.append(run_id)
        here.when_ended()
        return [run_id]

    monkeypatch.setattr("control_plane.run_time_limit.end_containers", end)
    return here


def started(records: dg.DagsterInstance, tags: dict[str, str] | None = None) -> dg.DagsterRun:
    run = make_run(records, "image:1", tags)
    note(records, run, dg.DagsterEventType.RUN_START)
    return records.get_run_by_id(run.run_id) or run


def note(records: dg.DagsterInstance, run: dg.DagsterRun, kind: dg.DagsterEventType) -> None:
    records.report_dagster_event(dg.DagsterEvent(kind.value, run.job_name), run.run_id)


def end(engine: Engine, records: dg.DagsterInstance) -> list[str]:
    return end_overdue_runs(engine, records, PROJECT, 100)  # type: ignore[arg-type]


@pytest.mark.parametrize("tags", [{}, {"dagster/max_runtime": "999999999"}], ids=str)
def test_a_run_over_the_limit_is_ended_and_says_why(
    engine: Engine, records: dg.DagsterInstance, tags: dict[str, str]
) -> None:
    late, young = started(records, tags), started(records)
    engine.add(late.run_id, 101)
    engine.add(young.run_id, 99)

    def as_it_ends() -> None:
        """It notes that it was cancelled, for it finds itself being ended."""
        now = records.get_run_by_id(late.run_id)
        assert now is not None
        assert now.status == dg.DagsterRunStatus.CANCELING
        records.report_run_canceled(late)

    engine.when_ended = as_it_ends
    assert end(engine, records) == engine.ended == [late.run_id]
    again = records.get_run_by_id(late.run_id)
    assert again is not None
    assert again.status == dg.DagsterRunStatus.FAILURE
    assert how_it_failed(records, late.run_id).kind == "run.over_time"
    other = records.get_run_by_id(young.run_id)
    assert other is not None
    assert other.status == dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize("state", ["running", "paused", "restarting"])
def test_one_whose_record_is_forged_or_gone_ends_too(
    engine: Engine, records: dg.DagsterInstance, state: str
) -> None:
    run = started(records)
    note(records, run, dg.DagsterEventType.RUN_SUCCESS)
    engine.add(run.run_id, 101, state)
    engine.add("gone", 101, state)
    assert end(engine, records) == engine.ended == [run.run_id, "gone"]
    again = records.get_run_by_id(run.run_id)
    assert again is not None
    assert again.status == dg.DagsterRunStatus.SUCCESS


def test_one_that_succeeds_in_this_very_moment_has_succeeded(
    engine: Engine, records: dg.DagsterInstance
) -> None:
    run = started(records)
    engine.add(run.run_id, 101)
    engine.when_ended = lambda: note(records, run, dg.DagsterEventType.RUN_SUCCESS)
    assert end(engine, records) == [run.run_id]
    again = records.get_run_by_id(run.run_id)
    assert again is not None
    assert again.status == dg.DagsterRunStatus.SUCCESS


def test_what_has_ended_or_never_began_is_left_alone(
    engine: Engine, records: dg.DagsterInstance
) -> None:
    for state in ("exited", "dead", "created"):
        engine.add(state, 101, state)
    assert end(engine, records) == engine.ended == []


def test_one_that_does_not_end_holds_up_no_other_and_is_not_called_over(
    engine: Engine, records: dg.DagsterInstance
) -> None:
    engine.add("immortal", 101)
    engine.add("other", 101)
    with pytest.raises(StillAliveError):
        end(engine, records)
    assert engine.ended == ["other"]


@real
def test_a_real_container_is_dead_before_its_run_is_failed(
    launch: Launch, playground: Playground
) -> None:
    run, container = launch("sleeps", SLEEPS)
    wait_for_words(container, "started")
    time.sleep(1.1)  # the engine's list counts whole seconds
    with dg.DagsterInstance.ephemeral() as other:  # whose records know nothing of the run
        client = docker.from_env()
        assert end_overdue_runs(client, other, f"{playground.project}x", 0) == []
        assert end_overdue_runs(client, other, playground.project, 600) == []
        assert end_overdue_runs(client, other, playground.project, 0) == [run.run_id]
        client.close()
    container.reload()
    assert container.status == "exited"

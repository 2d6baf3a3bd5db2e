"""Runs that lose their container: out of memory, dead at boot, paused. What is told of each."""

import pytest
from assay_stack import AssayStack
from docker_engine import docker, inspect
from waiting import wait_for

pytestmark = pytest.mark.usefixtures("samples_done")

ONCE = {"dagster/max_retries": "0"}


def alert_kinds(assay: AssayStack, run_id: str) -> list[str]:
    """The kinds of the alerts that tell of a run."""
    told = assay.psql(f"select kind from ops.alerts where facts->>'run_id' = '{run_id}'")
    return sorted(kind for (kind,) in told)


def test_a_run_out_of_memory_is_killed_and_says_so_with_its_limit(assay: AssayStack) -> None:
    run_id = assay.api.launch("takes_memory", tags=ONCE)
    run = wait_for("its end", lambda: assay.api.finished(run_id), seconds=300)
    assert run["status"] == "FAILURE"
    state = assay.run_container(run_id)["State"]
    assert (state["OOMKilled"], state["ExitCode"]) == (True, 137)
    assert assay.run_container(run_id)["HostConfig"]["Memory"] == 400 * 2**20
    story = assay.api.story(run_id)
    assert "out of memory: it reached its limit of 400 MiB" in story
    assert "exit code 137" in story
    assert "assay/memory" in story, "what to do is not said"
    # The neighbours never noticed.
    assert assay.service("postgres")["State"]["Running"]
    wait_for("its alert", lambda: alert_kinds(assay, run_id) == ["run.out_of_memory"], seconds=120)


def test_a_run_that_dies_at_boot_leaves_its_last_words(assay: AssayStack) -> None:
    run_id = assay.api.launch("dies_at_boot", tags=ONCE)
    run = wait_for("its end", lambda: assay.api.finished(run_id), seconds=180)
    assert run["status"] == "FAILURE"
    assert assay.run_container(run_id)["State"]["ExitCode"] == 3
    story = assay.api.story(run_id)
    assert "ended before the run began" in story
    assert "exit code 3" in story
    assert "last words of a run that never began" in story
    wait_for(
        "its alert", lambda: alert_kinds(assay, run_id) == ["run.crashed_at_boot"], seconds=120
    )


def test_a_paused_run_is_dead_before_it_is_done_again(assay: AssayStack) -> None:
    first = assay.api.launch("goes_on", tags={"dagster/max_retries": "1"})
    container = str(assay.run_container(first)["Id"])
    wait_for("its start", lambda: assay.api.run(first)["status"] == "STARTED", seconds=180)
    docker("pause", container)

    wait_for("its end", lambda: assay.api.finished(first), seconds=180)
    state = inspect(container)["State"]
    assert (state["Paused"], state["Running"], state["ExitCode"]) == (False, False, 137)
    assert "The run's container was paused; ended to be sure" in assay.api.story(first)

    def retries() -> list[str]:
        return [
            r["runId"] for r in assay.api.runs() if r["tags"].get("dagster/parent_run_id") == first
        ]

    (again,) = wait_for("its retry", retries, seconds=180)
    wait_for("its start", lambda: assay.api.run(again)["status"] == "STARTED", seconds=180)
    assay.api.cancel(again)
    wait_for("its end", lambda: assay.api.finished(again), seconds=180)
    assert retries() == [again]

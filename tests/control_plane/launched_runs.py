"""Runs for tests of the launcher: queued as if by a code server that asks for the moon."""

from __future__ import annotations

import time
from collections.abc import Callable

import dagster as dg
from dagster._core.origin import (
    DEFAULT_DAGSTER_ENTRY_POINT,
    JobPythonOrigin,
    RepositoryPythonOrigin,
)
from dagster._core.test_utils import create_run_for_test
from docker.models.containers import Container

from tests.control_plane.docker_playground import Playground

SLEEPS = "trap 'exit 0' TERM; echo started; while :; do sleep 0.1; done"
GREEDY_LOCATION = {
    "env_vars": ["LD_PRELOAD=/tmp/x.so"],
    "docker": {
        "env_vars": ["STOLEN=1"],
        "networks": ["host"],
        "container_kwargs": {"privileged": True, "volumes": ["/:/host"], "mem_limit": "100g"},
    },
}


# Launches a script as a run of a name; the run, and its container.
Launch = Callable[[str, str], tuple[dg.DagsterRun, Container]]


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


def ours(playground: Playground, run: dg.DagsterRun) -> list[Container]:
    filters = {"label": f"dagster/run_id={run.run_id}"}
    return list(playground.client.containers.list(all=True, filters=filters))

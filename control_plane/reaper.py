"""Removes what runs leave on the engine: finished containers after a day, zombies at once.

`python -m control_plane.reaper` says what would go; the daemon does it.

A finished container is the evidence of how its run ended, so it is kept for a while. A container
that still works for a run that is already over (a start that timed out and came late, a host that
slept) would write beside its retry: it is killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import docker
import docker.errors
from dagster import DagsterInstance

from control_plane.container_labels import KIND_LABEL, PROJECT_LABEL, RUN_ID_LABEL
from control_plane.settings import settings

KEEP_SECONDS = 24 * 3600
# From create to start it takes a second: whoever made this one has died in between.
NEVER_STARTED_SECONDS = 900
# And no more than these: thousands of containers slow the engine down.
KEEP_MOST = 500
# A container outlives its run by about a second; a cancelled one gets 20 s to end by itself.
GRACE_SECONDS = 120


@dataclass(frozen=True)
class Reaped:
    """Run ids whose containers were removed, and those whose containers were killed."""

    removed: tuple[str, ...]
    killed: tuple[str, ...]


def reap(
    client: docker.DockerClient,
    project: str,
    run_ended_at: Callable[[str], float | None],
    *,
    keep_seconds: float = KEEP_SECONDS,
    keep_most: int = KEEP_MOST,
    grace_seconds: float = GRACE_SECONDS,
    never_started_seconds: float = NEVER_STARTED_SECONDS,
    plan: bool = False,
) -> Reaped:
    """Look once at all run containers of `project`.

    `run_ended_at` gives the time (seconds since the epoch) at which a run id's run ended, None if
    it goes on or is not known. Containers of other projects, and containers that are not runs, are
    not looked at. With `plan` nothing is done, only said. Raises docker.errors.DockerException if
    the engine is away.
    """
    now = time.time()
    removed, killed = [], []
    labels = [f"{PROJECT_LABEL}={project}", f"{KIND_LABEL}=run", RUN_ID_LABEL]
    summaries = client.api.containers(all=True, filters={"label": labels})
    ended_ones = [s for s in summaries if s["State"] in ("exited", "dead")]
    newest_first = sorted(ended_ones, key=lambda s: s["Created"], reverse=True)
    surplus = {summary["Id"] for summary in newest_first[keep_most:]}
    for summary in summaries:
        run_id = summary["Labels"][RUN_ID_LABEL]
        age = now - summary["Created"]
        try:
            if summary["State"] in ("running", "paused"):
                ended = run_ended_at(run_id)
                if ended is not None and now - ended > grace_seconds:
                    if not plan:
                        client.api.kill(summary["Id"])
                    killed.append(run_id)
            elif summary["Id"] in surplus or (
                age > never_started_seconds
                if summary["State"] == "created"
                else age > keep_seconds and now - _ended_at(client, summary["Id"]) > keep_seconds
            ):
                if not plan:
                    client.api.remove_container(summary["Id"], v=True)
                removed.append(run_id)
        except docker.errors.APIError:
            continue  # it ended or went in this very moment: the next look sees
    return Reaped(tuple(removed), tuple(killed))


def _ended_at(client: docker.DockerClient, container: str) -> float:
    """The list is cheap and knows no end; only the old ones are asked for it."""
    return _epoch(client.api.inspect_container(container)["State"]["FinishedAt"])


def _epoch(docker_time: str) -> float:
    """Seconds since the epoch of a time of the engine, e.g. 2026-01-02T03:04:05.678901234Z.

    A container that never ran has the year 1, which is long ago, as it should be.
    """
    return datetime.fromisoformat(docker_time[:19] + "+00:00").timestamp()


def run_ended_at(instance: DagsterInstance, run_id: str) -> float | None:
    """When the run ended, in seconds since the epoch; None if it goes on or is not known here.

    An unknown run may belong to another Assay that was given the same project name by mistake:
    its container is not ours to kill.
    """
    record = instance.get_run_record_by_id(run_id)
    if record is None or not record.dagster_run.is_finished:
        return None
    return record.end_time or record.update_timestamp.timestamp()


def main() -> None:
    """Print what the daemon's next look would remove or kill."""
    here = settings()
    with DagsterInstance.get() as instance:
        client = docker.from_env()
        found = reap(client, here.project, lambda run_id: run_ended_at(instance, run_id), plan=True)
        client.close()
    lines = [f"container of run {run_id}" for run_id in found.removed]
    lines += [f"kill the container of run {run_id}, which is over" for run_id in found.killed]
    print("\n".join(lines) or "nothing to tidy")


if __name__ == "__main__":
    main()

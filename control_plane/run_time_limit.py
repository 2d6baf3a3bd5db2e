"""No run goes on for longer than ASSAY_RUN_TIMEOUT_MOST, whatever its record says.

Dagster's monitoring ends a run by its tag `dagster/max_runtime`, counted from the start that the
run itself has noted. A run without the tag would have no limit, and code in a run can write tags
and times. So this looks at the container alone: how long ago it was made.
"""

from __future__ import annotations

import time

import docker
from dagster import DagsterInstance, DagsterRunStatus

from control_plane.certain_death import ENDED, StillAliveError, end_containers
from control_plane.container_labels import KIND_LABEL, PROJECT_LABEL, RUN_ID_LABEL


def end_overdue_runs(
    client: docker.DockerClient, instance: DagsterInstance, project: str, most_seconds: float
) -> list[str]:
    """End each run whose container is older than `most_seconds`, and fail it; their ids.

    Run retries see the failure. Raises docker.errors.DockerException if the engine is away, and
    StillAliveError, once it has looked at all, if a container does not end.
    """
    labels = [f"{PROJECT_LABEL}={project}", f"{KIND_LABEL}=run", RUN_ID_LABEL]
    overdue, alive = [], None
    for summary in client.api.containers(all=True, filters={"label": labels}):
        too_old = time.time() - summary["Created"] > most_seconds
        if too_old and summary["State"] not in (*ENDED, "created"):
            run_id = summary["Labels"][RUN_ID_LABEL]
            try:
                _end(client, instance, project, run_id, most_seconds)
            except StillAliveError as error:
                alive = error
            else:
                overdue.append(run_id)
    if alive is not None:
        raise alive
    return overdue


def _end(
    client: docker.DockerClient,
    instance: DagsterInstance,
    project: str,
    run_id: str,
    most_seconds: float,
) -> None:
    # The same words as Dagster's, by which the alert knows what happened.
    said = f"Exceeded maximum runtime of {most_seconds:.0f} seconds"
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_canceling(run, message=f"{said}: ending its container.")
    else:
        run = None  # over, or forgotten: its container ends all the same
    end_containers(client, project, run_id)
    again = run and instance.get_run_by_id(run_id)
    # It notes itself that it was interrupted: what counts is by what.
    if again and again.status != DagsterRunStatus.SUCCESS:
        instance.report_run_failed(again, f"{said}. ASSAY_RUN_TIMEOUT_MOST in .env is the limit.")

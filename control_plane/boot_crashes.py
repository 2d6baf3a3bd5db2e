"""Runs whose container ended before the run began, or that never began: failed, with the reason.

Dagster looks at the containers of runs that have started. One that dies before (an import that
fails, a database that refuses) leaves its run "starting" until the start timeout, minutes later.
And its start timeout fails a run without looking whether the container is only slow: it would go on
beside the retry. So dagster.yaml sets that timeout to a day, and ours comes first.
"""

from __future__ import annotations

import time

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from control_plane.launcher import AssayRunLauncher

# From the launch to the run's first event: a busy host may need minutes.
START_SECONDS_MOST = 180


def fail_crashed_starts(instance: DagsterInstance) -> list[str]:
    """Fail each starting run whose container has ended; their ids. Run retries see them.

    Raises docker.errors.DockerException if the engine is away; an instance with another launcher
    has none.
    """
    launcher = instance.run_launcher
    if not isinstance(launcher, AssayRunLauncher):
        return []
    failed = []
    for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTING])):
        if not launcher.has_ended(run):
            continue
        # The container wrote its last event before it ended: what is true now stays true.
        again = instance.get_run_by_id(run.run_id)
        if again is None or again.status != DagsterRunStatus.STARTING:
            continue
        evidence = launcher.get_run_worker_debug_info(run) or ""
        instance.report_run_failed(
            again, f"The run's container ended before the run began.\n{evidence}"
        )
        failed.append(run.run_id)
    return failed


def fail_late_starts(instance: DagsterInstance, seconds: float = START_SECONDS_MOST) -> list[str]:
    """Fail each run that is starting for longer than `seconds`, its containers dead; their ids.

    Raises docker.errors.DockerException if the engine is away, or StillAliveError: then a
    container may live, and its run stays as it is.
    """
    launcher = instance.run_launcher
    if not isinstance(launcher, AssayRunLauncher):
        return []
    failed = []
    for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTING])):
        launched = instance.get_run_stats(run.run_id).launch_time
        if launched is None or time.time() - launched < seconds:
            continue
        evidence = launcher.get_run_worker_debug_info(run) or "It had no container."
        launcher.make_sure_dead(run)
        again = instance.get_run_by_id(run.run_id)
        if again is None or again.status != DagsterRunStatus.STARTING:
            continue
        instance.report_run_failed(
            again, f"The run did not begin within {seconds:.0f} s of its launch.\n{evidence}"
        )
        failed.append(run.run_id)
    return failed

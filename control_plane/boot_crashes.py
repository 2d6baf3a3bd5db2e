"""Runs whose container ended before the run began: failed at once, with the reason.

Dagster looks at the containers of runs that have started. One that dies before (an import that
fails, a database that refuses) leaves its run "starting" until the start timeout, minutes later.
"""

from __future__ import annotations

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from control_plane.launcher import AssayRunLauncher


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

"""`python -m control_plane.janitor [plan|once]`: takes away what dead runs and old history leave.

Without a word it works every hour, each time in a process of its own, so that it takes no memory
between. `plan` says what it would do and does nothing. Run containers are the daemon's to remove
(`control_plane.reaper`), who has the way to the engine; images go by `deploy/old_images.sh`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from dagster import DagsterInstance

from control_plane.health import note_health
from control_plane.left_files import left_files
from control_plane.old_history import forget, forget_ticks, old_runs
from control_plane.runless_events import forget_runless_events
from control_plane.service_log import service_log
from control_plane.settings import Settings, SettingsError, settings

log = service_log("janitor")

PAUSE_SECONDS = 3600
LOOK_SECONDS = 15
FOLDERS = ("data", "quarantine", "reports")
# In one pass; the next one goes on.
MOST_RUNS = 2000


def tidy(instance: DagsterInstance, here: Settings, *, plan: bool) -> list[str]:
    """Do one pass, or with `plan` only look; a line for each thing that goes."""

    def is_over(run_id: str) -> bool:
        run = instance.get_run_by_id(run_id)
        return run is None or run.is_finished

    said = []
    for path in left_files([Path(here.root) / name for name in FOLDERS], is_over):
        said.append(f"temporary file {path}")
        if not plan:
            path.unlink(missing_ok=True)
    if here.history_days is None:
        return said
    dsn, days = here.dagster_dsn(), here.history_days
    runs = old_runs(dsn, days)
    if plan:
        said += [f"run {run_id}, older than {days:g} days" for run_id in runs]
    else:
        said += [f"run {run_id}" for run_id in forget(instance, dsn, runs[:MOST_RUNS])]
    # After the runs: what they have left belongs to no run from now on.
    for what, many in (
        ("ticks", forget_ticks(instance, dsn, days, plan=plan)),
        ("events of no run", forget_runless_events(dsn, days, plan=plan)),
    ):
        if many:
            said.append(f"{many} {what}, older than {days:g} days")
    return said


def once(*, plan: bool) -> int:
    """One pass in this process; 1 and one line if a setting is wrong."""
    try:
        here = settings()
        with DagsterInstance.get() as instance:
            said = tidy(instance, here, plan=plan)
    except SettingsError as error:
        log.error("%s", error)
        return 1
    if plan:
        print("\n".join(said) or "nothing to tidy")
    elif said:
        log.info("Removed %d things, among them: %s", len(said), "; ".join(said[:5]))
    return 0


def serve() -> None:
    """A pass every hour, for ever; one that failed is said and tried again."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    next_pass = 0.0
    state = "ok"
    while True:
        if time.monotonic() >= next_pass:
            note_health("janitor", state)
            done = subprocess.run([sys.executable, "-m", "control_plane.janitor", "once"])
            state = "ok" if done.returncode == 0 else "the last pass failed: see the log"
            next_pass = time.monotonic() + (PAUSE_SECONDS if done.returncode == 0 else 60)
        note_health("janitor", state)
        time.sleep(LOOK_SECONDS)


def main() -> int:
    """Serve, or do what the one argument says."""
    words = sys.argv[1:]
    if words in (["plan"], ["once"]):
        return once(plan=words == ["plan"])
    if words:
        sys.exit("python -m control_plane.janitor [plan|once]")
    serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())

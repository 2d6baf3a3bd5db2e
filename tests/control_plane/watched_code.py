"""The code location of test_tick_faults: runs that fail, and the sensor that alerts of them."""

import dagster as dg

from user_code.shared.resources import default_resources
from user_code.shared.run_alerts import build_run_failure_alerts


@dg.job
def doomed() -> None:
    """Never executed: the test says how its runs ended."""


looking = build_run_failure_alerts()
looking._min_interval = 1  # a tick each time that the daemon looks

defs = dg.Definitions(jobs=[doomed], sensors=[looking], resources=default_resources())

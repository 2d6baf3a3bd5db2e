"""What belongs to no domain: the alert on failed runs."""

import dagster as dg

from user_code.shared.run_alerts import build_run_failure_alerts

defs = dg.Definitions(sensors=[build_run_failure_alerts()])

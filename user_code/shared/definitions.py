"""What belongs to no domain: alerts from Dagster's records, and the job that converts a CSV."""

import dagster as dg

from user_code.shared.check_alerts import build_check_alerts
from user_code.shared.csv_to_parquet import csv_to_parquet
from user_code.shared.freshness_alerts import build_freshness_alerts
from user_code.shared.open_alerts import build_alert_table, open_alerts
from user_code.shared.run_alerts import build_run_failure_alerts
from user_code.shared.run_time_alerts import build_run_time_alerts

defs = dg.Definitions(
    assets=[open_alerts],
    jobs=[csv_to_parquet],
    sensors=[
        build_run_failure_alerts(),
        build_run_time_alerts(),
        build_check_alerts(),
        build_freshness_alerts(),
        build_alert_table(),
    ],
)

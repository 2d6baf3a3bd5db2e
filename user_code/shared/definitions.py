"""What belongs to no domain: the alert on failed runs, and the job that converts a CSV."""

import dagster as dg

from user_code.shared.csv_to_parquet import csv_to_parquet
from user_code.shared.run_alerts import build_run_failure_alerts

defs = dg.Definitions(jobs=[csv_to_parquet], sensors=[build_run_failure_alerts()])

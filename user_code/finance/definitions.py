"""All that the financial domain defines. Resources come from `user_code/definitions.py`."""

import dagster as dg

from user_code.finance.anomaly_assets import ANOMALY_ASSETS
from user_code.finance.assets import ASSETS
from user_code.finance.automation import (
    finance_automation,
    finance_daily,
    finance_landing,
    finance_recompute,
)
from user_code.finance.checks import CHECKS
from user_code.finance.control_totals import reconciliation
from user_code.finance.landed_days import DOMAIN, TRANSACTIONS
from user_code.finance.rates import (
    every_amount_has_a_rate,
    exchange_rates,
    exchange_rates_job,
    rates_schedules,
)
from user_code.finance.row_floors import row_floors
from user_code.finance.timeliness_checks import (
    TIMELINESS_CHECKS,
    finance_timeliness,
    timeliness_schedule,
)
from user_code.shared.count_alerts import build_count_alerts
from user_code.shared.quarantine_alerts import build_quarantine_alerts

finance_quarantine = build_quarantine_alerts(
    DOMAIN, TRANSACTIONS, records="records", quarantined="quarantined"
)

finance_count_alerts = build_count_alerts(
    DOMAIN,
    "daily_summary",
    "SELECT source, date, sum(transaction_count) FROM finance.daily_summary GROUP BY source, date",
    row_floors,
)

defs = dg.Definitions(
    assets=[*ASSETS, *ANOMALY_ASSETS, reconciliation, exchange_rates],
    asset_checks=[*CHECKS, *TIMELINESS_CHECKS, every_amount_has_a_rate],
    jobs=[finance_daily, finance_timeliness, exchange_rates_job],
    schedules=[timeliness_schedule, *rates_schedules()],
    sensors=[
        finance_landing,
        finance_recompute,
        finance_automation,
        finance_quarantine,
        finance_count_alerts,
    ],
)

"""All that the financial domain defines. Resources come from `user_code/definitions.py`."""

import dagster as dg

from user_code.finance.assets import ASSETS
from user_code.finance.automation import (
    finance_automation,
    finance_daily,
    finance_landing,
    finance_recompute,
)
from user_code.finance.checks import CHECKS
from user_code.finance.landed_days import DOMAIN, TRANSACTIONS
from user_code.shared.quarantine_alerts import build_quarantine_alerts

finance_quarantine = build_quarantine_alerts(
    DOMAIN, TRANSACTIONS, records="records", quarantined="quarantined"
)

defs = dg.Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=[finance_daily],
    sensors=[finance_landing, finance_recompute, finance_automation, finance_quarantine],
)

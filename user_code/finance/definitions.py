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

defs = dg.Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=[finance_daily],
    sensors=[finance_landing, finance_recompute, finance_automation],
)

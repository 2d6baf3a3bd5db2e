"""What makes financial assets run: the landing sensor for days, automation for what spans them."""

from pathlib import Path

import dagster as dg

from user_code.finance.anomaly_assets import ANOMALY_ASSETS
from user_code.finance.assets import (
    ASSETS,
    category_statistics,
    daily_summary,
    financial_transactions,
)
from user_code.finance.control_totals import reconciliation
from user_code.finance.domain.feed_files import parse_feed_path
from user_code.finance.landed_days import DOMAIN
from user_code.finance.recompute import build_recompute_sensor
from user_code.finance.timeliness_checks import TIMELINESS_CHECKS
from user_code.shared.landing_sensor import build_landing_sensor

finance_daily = dg.define_asset_job(
    "finance_daily",
    selection=dg.AssetSelection.assets(financial_transactions, daily_summary, category_statistics)
    - dg.AssetSelection.checks(*TIMELINESS_CHECKS),
    description="A day's files, or those of days that follow each other, through to the summaries.",
)


def day_of_file(path: str) -> str | None:
    """The partition of a landed file (`finance/<source>/<file>`); None for another name."""
    where = Path(path)
    if len(where.parts) != 3:
        return None
    file = parse_feed_path(where)
    return file.date.isoformat() if file else None


finance_landing = build_landing_sensor(
    "finance_landing", DOMAIN, finance_daily, day_of_file, daily=True
)

finance_recompute = build_recompute_sensor("finance_recompute", DOMAIN, finance_daily)

finance_automation = dg.AutomationConditionSensorDefinition(
    "finance_automation",
    target=dg.AssetSelection.assets(*ASSETS, *ANOMALY_ASSETS, reconciliation),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Runs what spans days, historical_data to anomaly_detection, once new ones are in.",
)

"""The assets as runs, in an ephemeral instance with a real PostgreSQL."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from finance_feeds import write_feed

from user_code.finance.assets import ASSETS, anomaly_detection, historical_data
from user_code.finance.checks import CHECKS
from user_code.finance.definitions import defs
from user_code.shared.publishing import Publisher
from user_code.shared.warehouse import Warehouse

FIRST = date(2025, 1, 6)


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty landing zone that the assets read."""
    folder = tmp_path / "landing"
    (tmp_path / "contracts").mkdir()
    monkeypatch.setenv("ASSAY_LANDING", str(folder))
    monkeypatch.setenv("ASSAY_CONTRACTS", str(tmp_path / "contracts"))
    return folder


def run_days(
    instance: dg.DagsterInstance, publisher: Publisher, first: date, last: date
) -> dg.ExecuteInProcessResult:
    """One run over these days, as the landing sensor asks for it."""
    job = dg.Definitions.merge(
        defs, dg.Definitions(resources={"publisher": publisher})
    ).resolve_job_def("finance_daily")
    tags = {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def run_history(
    instance: dg.DagsterInstance, publisher: Publisher, **config: object
) -> dg.ExecuteInProcessResult:
    """What the automation sensor asks for."""
    return dg.materialize(
        [*ASSETS, *CHECKS],
        selection=[historical_data, anomaly_detection],
        instance=instance,
        resources={"publisher": publisher},
        run_config={"ops": {"anomaly_detection": {"config": config}}},
        raise_on_error=False,
    )


def rows(warehouse: Warehouse, query: str) -> list[tuple]:
    with warehouse.transaction() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_several_days_are_one_run_with_a_materialisation_each(
    instance, publisher, warehouse, landing
):
    for offset in range(3):
        write_feed(landing, "bank", FIRST + timedelta(days=offset), amounts=["1.10", "2.20"])
    result = run_days(instance, publisher, FIRST, FIRST + timedelta(days=2))
    assert result.success
    for asset in ("financial_transactions", "daily_summary", "category_statistics"):
        events = instance.fetch_materializations(dg.AssetKey(asset), limit=10).records
        assert {event.partition_key for event in events} == {
            "2025-01-06", "2025-01-07", "2025-01-08"
        }  # fmt: skip
        assert len(events) == 3
    assert rows(
        warehouse,
        "SELECT file_date, source, currency, total_amount, transaction_count, run_id"
        " FROM finance.daily_summary ORDER BY 1",
    ) == [
        (FIRST + timedelta(days=n), "bank", "EUR", Decimal("3.3"), 2, result.run_id)
        for n in range(3)
    ]
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert all(each.passed for each in checks.values())
    assert checks["every_record_accounted_for"].metadata["records"].value == 6
    assert checks["every_record_accounted_for"].metadata["days"].value == 3
    assert checks["every_record_accounted_for"].blocking

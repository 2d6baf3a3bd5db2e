"""A contract's floor for the newest day's rows reaches the alerts, and the days before don't."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from user_code.finance.definitions import finance_count_alerts
from user_code.finance.row_floors import row_floors
from user_code.shared import count_alerts
from user_code.shared.publishing import Publisher

TODAY = date(2025, 6, 30)


@pytest.fixture
def contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "contracts"
    folder.mkdir()
    monkeypatch.setenv("ASSAY_CONTRACTS", str(folder))
    return folder


def test_ten_years_of_small_days_alert_once_for_each_source_below_its_floor(
    contracts: Path,
    publisher: Publisher,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(count_alerts, "_QUIET_SECONDS", 0)
    monkeypatch.setenv("ASSAY_COUNT_FLOOR", "100")
    (contracts / "bank.yaml").write_text("row_floor: 60\n")
    (contracts / "shop.yaml").write_text("row_floor: 40\n")
    warehouse = publisher.warehouse
    with warehouse.commit("daily_summary", ["x"], "r", warehouse.now()) as cursor:
        cursor.execute(
            "INSERT INTO finance.daily_summary"
            " (date, source, currency, category, total_amount, transaction_count, run_id)"
            " SELECT day, source, 'EUR', 'c', 1, 50, 'r'"
            " FROM generate_series(%s, %s, interval '1 day') AS day,"
            " unnest(ARRAY['bank', 'shop', 'till']) AS source",
            (TODAY - timedelta(days=3650), TODAY),
        )
    context = dg.build_sensor_context(instance=instance, resources={"publisher": publisher})
    finance_count_alerts(context)
    with warehouse.transaction() as cursor:
        cursor.execute("SELECT key, facts ->> 'day', facts ->> 'floor' FROM ops.alerts ORDER BY 1")
        assert cursor.fetchall() == [
            ("rows.unusual:finance:bank", "2025-06-30", "60"),
            ("rows.unusual:finance:till", "2025-06-30", "100"),
        ]


def test_a_contract_that_cannot_be_used_names_no_floor(contracts: Path) -> None:
    (contracts / "bank.yaml").write_text("row_floor: many\n")
    (contracts / "shop.yaml").write_text("row_floor: 0\n")
    assert row_floors({"bank", "shop", "till"}) == {"shop": 0}

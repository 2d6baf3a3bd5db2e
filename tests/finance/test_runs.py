"""The assets as runs, in an ephemeral instance with a real PostgreSQL."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from finance_feeds import feed, write_feed, write_text

from user_code.finance import landed_days
from user_code.finance.anomaly_alerts import tell_anomalies
from user_code.finance.anomaly_assets import (
    ANOMALY_ASSETS,
    AnomalyConfig,
    anomaly_detection,
    anomaly_model,
)
from user_code.finance.assets import (
    ASSETS,
    category_statistics,
    daily_summary,
    financial_transactions,
    historical_data,
)
from user_code.finance.checks import CHECKS
from user_code.finance.definitions import defs
from user_code.finance.domain.contracts import ANOMALY_DETECTION
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
    monkeypatch.setenv("ASSAY_SETTLE_SECONDS", "0")
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
        [*ASSETS, *ANOMALY_ASSETS, *CHECKS],
        selection=[historical_data, anomaly_model, anomaly_detection],
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
        "SELECT date, source, currency, total_amount, transaction_count, run_id"
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


def last_metadata(instance: dg.DagsterInstance, asset: str) -> dict:
    record = instance.fetch_materializations(dg.AssetKey(asset), limit=1).records[0]
    return {key: value.value for key, value in record.asset_materialization.metadata.items()}


def test_the_assets_can_be_called_as_functions(publisher, warehouse, landing):
    write_feed(landing, "bank", FIRST, ["1.10", "2.20"])
    for asset in (financial_transactions, daily_summary, category_statistics):
        context = dg.build_asset_context(partition_key="2025-01-06")
        asset(context, publisher=publisher)
    for asset, more in (
        (historical_data, {}),
        (anomaly_model, {}),
        (anomaly_detection, {"config": AnomalyConfig()}),
    ):
        asset(dg.build_asset_context(), publisher=publisher, **more)
    assert rows(warehouse, "SELECT total_amount FROM finance.historical_data") == [
        (Decimal("3.3"),)
    ]


def test_bad_records_are_in_the_quarantine_and_in_counts_only(
    instance, publisher, warehouse, landing
):
    write_feed(landing, "bank", FIRST, ["1.10", "12,5O", "", "1.10"])
    write_feed(landing, "shop", FIRST, ["1.00"])
    assert run_days(instance, publisher, FIRST, FIRST).success
    facts = last_metadata(instance, "financial_transactions")
    assert (facts["records"], facts["dagster/row_count"], facts["quarantined"]) == (5, 3, 2)
    assert facts["quarantined_by_reason"] == {
        "amount: empty": 1,
        "fields: too many": 1,
    }
    quarantine = publisher.base / "quarantine/finance/bank/2025-01-06.parquet"
    assert pl.read_parquet(quarantine)["line"].to_list() == [3, 4]
    assert quarantine.stat().st_mode & 0o777 == 0o600
    assert not (publisher.base / "quarantine/finance/shop").exists()
    assert "12,5O" not in str(facts)


def test_a_correction_replaces_rows_everywhere_and_empties_the_quarantine(
    instance, publisher, warehouse, landing
):
    write_feed(landing, "bank", FIRST, ["1.10", "bad", "5.00"])
    assert run_days(instance, publisher, FIRST, FIRST).success
    write_feed(landing, "bank", FIRST, ["1.10", "2.00"], suffix=".v2")
    assert run_days(instance, publisher, FIRST, FIRST).success
    assert rows(warehouse, "SELECT amount FROM finance.financial_transactions ORDER BY line") == [
        (Decimal("1.1"),),
        (Decimal("2"),),
    ]
    assert rows(warehouse, "SELECT total_amount FROM finance.daily_summary") == [(Decimal("3.1"),)]
    assert rows(warehouse, "SELECT total, share FROM finance.category_statistics") == [
        (Decimal("3.1"), 1.0)
    ]
    quarantine = publisher.base / "quarantine/finance/bank/2025-01-06.parquet"
    assert pl.read_parquet(quarantine).is_empty()


@pytest.mark.parametrize("order", [(2, 0, 1)])
def test_versions_in_any_order_of_arrival_give_the_same_tables(
    instance, publisher, warehouse, landing, order
):
    versions = [("", ["1.00"]), (".v2", ["2.00", "3.00"]), (".v3", ["4.00"])]
    for number in order:
        suffix, amounts = versions[number]
        write_feed(landing, "bank", FIRST, amounts, suffix=suffix)
        assert run_days(instance, publisher, FIRST, FIRST).success
    assert rows(warehouse, "SELECT amount FROM finance.financial_transactions") == [(Decimal(4),)]


def test_a_day_without_files_is_an_empty_day(instance, publisher, warehouse, landing):
    write_feed(landing, "bank", FIRST, ["1.00"])
    assert run_days(instance, publisher, FIRST, FIRST + timedelta(days=1)).success
    assert last_metadata(instance, "daily_summary")["dagster/row_count"] in (0, 1)
    assert rows(warehouse, "SELECT count(*) FROM finance.financial_transactions") == [(1,)]


def test_duplicates_of_earlier_days_are_kept_apart(instance, publisher, warehouse, landing):
    text = feed(FIRST, ["1.00", "2.00"])
    write_text(landing, "bank", "tx-2025-01-06.csv", text)
    assert run_days(instance, publisher, FIRST, FIRST).success
    write_text(landing, "bank", "tx-2025-01-07.csv", text + "new,2025-01-07,a,c,9.00,EUR\n")
    result = run_days(instance, publisher, FIRST + timedelta(days=1), FIRST + timedelta(days=1))
    assert result.success
    assert last_metadata(instance, "financial_transactions")["duplicates"] == 2
    assert rows(warehouse, "SELECT sum(amount) FROM finance.financial_transactions") == [
        (Decimal(12),)
    ]
    kept = pl.read_parquet(publisher.base / "data/finance/duplicates/2025-01-07.parquet")
    assert kept.height == 2


def test_a_lost_record_fails_the_blocking_check_and_stops_what_is_downstream(
    instance, publisher, warehouse, landing, monkeypatch
):
    write_feed(landing, "bank", FIRST, ["1.00", "2.00"])
    honest = landed_days.read_days

    def lossy(*arguments):
        for read in honest(*arguments):
            read.accepted = read.accepted.head(1)
            yield read

    monkeypatch.setattr(landed_days, "read_days", lossy)
    result = run_days(instance, publisher, FIRST, FIRST)
    assert not result.success
    failed = [each for each in result.get_asset_check_evaluations() if not each.passed]
    assert [each.check_name for each in failed] == ["every_record_accounted_for"]
    assert rows(warehouse, "SELECT count(*) FROM finance.daily_summary") == [(0,)]


def test_a_wrong_contract_costs_its_own_source_until_it_is_corrected(
    instance, publisher, warehouse, landing, tmp_path
):
    write_feed(landing, "bank", FIRST, ["1.00"])
    write_feed(landing, "shop", FIRST, ["2.00"])
    contract = tmp_path / "contracts/bank.yaml"
    contract.write_text("delimeter: ;")
    assert run_days(instance, publisher, FIRST, FIRST).success
    totals = "SELECT source, total_amount FROM finance.daily_summary ORDER BY 1"
    assert rows(warehouse, totals) == [("shop", Decimal(2))]
    assert last_metadata(instance, "financial_transactions")["refused_files"] == 1
    alerts = "SELECT key, state, facts->>'reason' FROM ops.alerts"
    ((key, state, reason),) = rows(warehouse, alerts)
    assert (key, state) == ("finance.file_refused:bank/tx-2025-01-06.csv", "open")
    assert "bank.yaml: delimeter: Extra inputs are not permitted" in reason
    assert "make replay SOURCE=bank" in reason
    contract.write_text("delimiter: ','")
    assert run_days(instance, publisher, FIRST, FIRST).success
    assert rows(warehouse, totals) == [("bank", Decimal(1)), ("shop", Decimal(2))]
    assert [row[1] for row in rows(warehouse, alerts)] == ["closed"]


def test_a_refused_file_alerts_until_it_can_be_read(instance, publisher, warehouse, landing):
    write_text(landing, "bank", "tx-2025-01-06.csv", "not,a,feed\n1,2,3\n")
    assert run_days(instance, publisher, FIRST, FIRST).success
    alerts = "SELECT key, state, facts->>'reason' FROM ops.alerts"
    key = "finance.file_refused:bank/tx-2025-01-06.csv"
    assert rows(warehouse, alerts) == [
        (key, "open", "file: its header lacks the column transaction_id")
    ]
    write_feed(landing, "bank", FIRST, ["1.00"])
    assert run_days(instance, publisher, FIRST, FIRST).success
    assert [row[:2] for row in rows(warehouse, alerts)] == [(key, "closed")]


def test_a_doubled_day_alerts_once_and_its_correction_closes_the_alert(
    instance, publisher, warehouse, landing
):
    days = [FIRST + timedelta(days=n) for n in range(17)]
    for day in days:
        amounts = ["1.00"] * (20 if day == days[15] else 10)
        write_feed(landing, "bank", day, amounts)
    assert run_days(instance, publisher, days[0], days[-1]).success
    for _ in range(2):
        assert run_history(instance, publisher, least_history=2).success
    alerts = "SELECT key, state, count FROM ops.alerts"
    key = f"finance.anomaly:bank:EUR:{days[15]}:double"
    assert rows(warehouse, alerts) == [(key, "open", 1)]
    assert rows(warehouse, "SELECT date, kind FROM finance.anomaly_detection") == [
        (days[15], "double")
    ]
    facts = last_metadata(instance, "anomaly_detection")
    assert facts["findings_by_kind"] == {"double": 1}
    assert "data:image/png;base64," in facts["flagged_days"]
    assert "data:image/png;base64," in last_metadata(instance, "historical_data")["daily_totals"]
    write_feed(landing, "bank", days[15], ["1.00"] * 10, suffix=".v2")
    assert run_days(instance, publisher, days[15], days[15]).success
    assert run_history(instance, publisher, least_history=2).success
    assert rows(warehouse, alerts) == [(key, "closed", 1)]


def test_old_findings_alert_nobody(warehouse):
    what = ("bank", "EUR", "double", 9.0, 1.0, Decimal(2), 1.0, 2, "why", "")
    findings = pl.DataFrame(
        [(FIRST + timedelta(days=n), *what, None) for n in (0, 10)],
        schema=ANOMALY_DETECTION.columns,
        orient="row",
    )  # fmt: skip
    newest = FIRST + timedelta(days=12)
    earlier = ANOMALY_DETECTION.empty()
    assert tell_anomalies(warehouse, findings, earlier, newest=newest, days=5, link="") == 1
    assert tell_anomalies(warehouse, findings, findings, newest=newest, days=5, link="") == 0
    assert rows(warehouse, "SELECT key, count FROM ops.alerts") == [
        ("finance.anomaly:bank:EUR:2025-01-16:double", 1)
    ]


def test_the_detectors_settings_are_typed(instance, publisher, warehouse, landing):
    with pytest.raises(dg.DagsterInvalidConfigError):
        run_history(instance, publisher, treshold=1)

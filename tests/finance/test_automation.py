"""What asks for runs: landed names become days, and what spans days runs once per change."""

from __future__ import annotations

import dagster as dg
import pytest
from finance_feeds import write_feed
from test_runs import FIRST, landing, run_days  # noqa: F401  (landing is a fixture)

from user_code.finance.automation import day_of_file
from user_code.finance.checks import CHECKS
from user_code.finance.definitions import defs


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("finance/bank/tx-2025-01-06.csv", "2025-01-06"),
        ("finance/bank/tx-2025-01-06.v3.csv.gz", "2025-01-06"),
        ("finance/bank/tx.csv", None),
        ("finance/tx-2025-01-06.csv", None),
        ("finance/bank/old/tx-2025-01-06.csv", None),
    ],
)
def test_a_landed_path_names_its_day(path, day):
    assert day_of_file(path) == day


def test_history_is_computed_once_after_new_days_and_once_after_each_change(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
):
    merged = dg.Definitions.merge(defs, dg.Definitions(resources={"publisher": publisher}))
    cursor = None

    def tick() -> set[str]:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(merged, instance, cursor=cursor)
        cursor = result.cursor
        asked = {result_.key for result_ in result.results if result_.true_subset.size}
        if asked:
            job = merged.resolve_implicit_global_asset_job_def()
            job.get_subset(asset_selection=asked).execute_in_process(instance=instance)
        return {key.to_user_string() for key in asked}

    all_ = {"historical_data", "anomaly_model", "anomaly_detection", "reconciliation"}
    assert tick() == set()
    write_feed(landing, "bank", FIRST, ["1.00"])
    assert run_days(instance, publisher, FIRST, FIRST).success
    assert [tick() for _ in range(3)] == [all_, set(), set()]
    write_feed(landing, "bank", FIRST, ["2.00"])
    assert run_days(instance, publisher, FIRST, FIRST).success
    assert [tick() for _ in range(3)] == [all_, set(), set()]


def test_all_sensors_run_by_default():
    statuses = {each.name: each.default_status for each in defs.sensors}
    assert statuses == {
        "finance_landing": dg.DefaultSensorStatus.RUNNING,
        "finance_recompute": dg.DefaultSensorStatus.RUNNING,
        "finance_automation": dg.DefaultSensorStatus.RUNNING,
        "finance_quarantine_alerts": dg.DefaultSensorStatus.RUNNING,
        "finance_count_alerts": dg.DefaultSensorStatus.RUNNING,
    }


def test_every_asset_reads_like_documentation():
    for asset in defs.assets:
        spec = next(iter(asset.specs))
        assert spec.description
        assert spec.group_name == "finance"
        assert spec.owners == ["team:finance"]
        assert spec.code_version
        assert spec.kinds
    names = {next(iter(check.check_specs)).name for check in CHECKS}
    assert names == {
        "every_record_accounted_for", "sums_equal_transactions", "columns_as_in_contract"
    }  # fmt: skip

"""What overlaps a run: newer runs of some of its days, and files that are still on their way."""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import polars as pl
import pytest
from finance_feeds import write_feed
from test_runs import FIRST, landing, rows, run_days  # noqa: F401  (landing is a fixture)

from user_code.finance import landed_days
from user_code.finance.landed_days import files_by_day
from user_code.shared.publishing import Attempt

NEXT = FIRST + timedelta(days=1)
THIRD = FIRST + timedelta(days=2)


def metadata(instance: dg.DagsterInstance, asset: str, run_id: str) -> dict[str, dict]:
    """By partition, of what this run has materialised."""
    found = instance.fetch_materializations(dg.AssetKey(asset), limit=20).records
    return {
        record.partition_key: {
            key: value.value for key, value in record.asset_materialization.metadata.items()
        }
        for record in found
        if record.run_id == run_id
    }


def test_a_day_that_a_newer_run_has_published_is_left_alone_and_the_others_go_on(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
    monkeypatch,
):
    for day in (FIRST, NEXT, THIRD):
        write_feed(landing, "bank", day, ["1.00", "bad"])
    honest = landed_days.read_days
    newer = []

    def overtaken(*arguments):
        yield from honest(*arguments)
        if not newer:
            newer.append("begun")
            write_feed(landing, "bank", FIRST, ["5.00", "6.00"], suffix=".v2")
            newer.append(run_days(instance, publisher, FIRST, FIRST))

    monkeypatch.setattr(landed_days, "read_days", overtaken)
    result = run_days(instance, publisher, FIRST, THIRD)
    assert newer[1].success
    assert result.success
    totals = "SELECT date, total_amount FROM finance.daily_summary ORDER BY 1"
    assert rows(warehouse, totals) == [(FIRST, Decimal(11)), (NEXT, 1), (THIRD, 1)]
    assert all(each.passed for each in result.get_asset_check_evaluations())
    told = metadata(instance, "financial_transactions", result.run_id)
    assert told[str(FIRST)] == {"superseded": True, "superseded_partitions": 1}
    assert told[str(NEXT)]["dagster/row_count"] == 1
    assert told[str(NEXT)]["superseded_partitions"] == 1
    # The newer run's files beside the day's own stay, too: it quarantined nothing.
    assert not (publisher.base / f"quarantine/finance/bank/{FIRST}.parquet").exists()
    assert (publisher.base / f"quarantine/finance/bank/{NEXT}.parquet").exists()
    assert not list(publisher.base.rglob("*.tmp"))


def test_files_beside_a_days_own_are_renamed_inside_its_transaction(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
    monkeypatch,
):
    write_feed(landing, "bank", FIRST, ["1.00", "bad"])
    seen = []
    honest = Attempt._commit

    def commit(self, key, file, beside, *arguments):
        seen.append((self.asset, key, [each.target.exists() for each in beside]))
        published = honest(self, key, file, beside, *arguments)
        seen.append((self.asset, key, [each.target.exists() for each in beside]))
        return published

    monkeypatch.setattr(Attempt, "_commit", commit)
    assert run_days(instance, publisher, FIRST, FIRST).success
    assert seen[:2] == [
        ("financial_transactions", str(FIRST), [False]),
        ("financial_transactions", str(FIRST), [True]),
    ]


def test_a_file_that_is_still_being_copied_waits_and_the_version_before_it_counts(
    landing,  # noqa: F811
    monkeypatch,
):
    first = write_feed(landing, "bank", FIRST, ["1.00"])
    time.sleep(0.2)
    second = write_feed(landing, "bank", FIRST, ["2.00"], suffix=".v2")
    written = second.stat().st_ctime

    def current(now: float) -> list[Path]:
        monkeypatch.setattr(landed_days, "time", SimpleNamespace(time=lambda: now))
        return [file.path for file in files_by_day(landing, settle_seconds=60).get(FIRST, [])]

    assert current(written) == []
    assert current(written + 59.9) == [first]
    assert current(written + 60.1) == [second]
    assert [file.path for file in files_by_day(landing)[FIRST]] == [second]


@pytest.mark.parametrize("settle_seconds", ["0", "60"])
def test_a_file_that_settles_during_the_run_is_no_lost_record(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
    monkeypatch,
    settle_seconds,
):
    monkeypatch.setenv("ASSAY_SETTLE_SECONDS", settle_seconds)
    write_feed(landing, "bank", FIRST, ["1.00", "bad"])
    honest = landed_days.read_days

    def then_more_arrives(*arguments):
        yield from honest(*arguments)
        write_feed(landing, "shop", FIRST, ["2.00"])

    monkeypatch.setattr(landed_days, "read_days", then_more_arrives)
    result = run_days(instance, publisher, FIRST, FIRST)
    assert result.success
    assert all(each.passed for each in result.get_asset_check_evaluations())
    expected = {"0": 1, "60": 0}[settle_seconds]
    file = publisher.store.path("finance", "financial_transactions", str(FIRST))
    assert pl.read_parquet(file).height == expected

"""What is late is told once, by source, until it comes; business days and holidays count."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from finance_feeds import write_feed
from test_runs import FIRST, landing, rows, run_days, run_history  # noqa: F401  (landing: fixture)

from tests.shared.sensor_ticks import tick
from user_code.finance import timeliness_checks
from user_code.finance.definitions import defs
from user_code.finance.domain.source_contract import SourceContract
from user_code.finance.domain.timeliness import days_behind, late_files
from user_code.finance.timeliness_checks import finance_timeliness
from user_code.shared.check_alerts import build_check_alerts

MONDAY = date(2026, 7, 6)
DAILY = SourceContract.model_validate(
    {"time_zone": "America/New_York", "arrival": {"by": "18:00", "holidays": "US"}}
)
NEXT_MORNING = SourceContract.model_validate(
    {"time_zone": "Europe/Berlin", "arrival": {"by": "06:00", "days": "every", "days_after": 1}}
)


def late(contract: SourceContract, landed: set[date], now: str) -> list[str]:
    found = late_files({"bank": contract}, {"bank": landed}, datetime.fromisoformat(now))
    return [each.day.isoformat() for each in found]


@pytest.mark.parametrize(
    ("now", "days"),
    [
        ("2026-07-06T21:59+00:00", []),  # 17:59 in New York
        ("2026-07-06T22:01+00:00", ["2026-07-06"]),
        ("2026-07-07T22:01+00:00", ["2026-07-06", "2026-07-07"]),
    ],
)
def test_a_file_is_late_once_its_local_time_has_passed(now, days):
    # Friday the 3rd was a holiday in the United States; Saturday and Sunday are no business days.
    assert late(DAILY, {date(2026, 7, 1), date(2026, 7, 2)}, now) == days


def test_a_feed_of_every_day_may_come_the_day_after():
    landed = {MONDAY - timedelta(2)}
    assert late(NEXT_MORNING, landed, "2026-07-06T03:59+00:00") == []  # 05:59 in Berlin
    assert late(NEXT_MORNING, landed, "2026-07-06T04:01+00:00") == ["2026-07-05"]


def test_days_before_the_first_file_were_never_expected_and_old_ones_are_not_told_for_ever():
    assert late(NEXT_MORNING, {MONDAY}, "2026-07-07T03:00+00:00") == []
    assert late(NEXT_MORNING, set(), "2026-07-07T05:00+00:00") == ["2026-07-06"]
    assert len(late(NEXT_MORNING, {date(2026, 1, 1)}, "2026-07-07T05:00+00:00")) == 11
    assert late(SourceContract(), {date(2026, 1, 1)}, "2026-07-07T05:00+00:00") == []


def test_a_day_is_behind_if_no_run_began_after_its_file_came():
    now, hour = datetime(2026, 7, 6, 12, tzinfo=UTC), timedelta(hours=1)
    days = [MONDAY - timedelta(n) for n in range(4)]
    arrived = {
        days[0]: now - hour / 2, days[1]: now - 2 * hour, days[2]: now - 2 * hour,
        days[3]: now - 2 * hour,
    }  # fmt: skip
    begun = {days[2]: now - 3 * hour, days[3]: now - hour}
    assert days_behind(arrived, begun, now, hour) == [days[2], days[1]]


def run_checks(instance, publisher) -> dict[str, dg.AssetCheckEvaluation]:
    """The scheduled job → the outcome of each check."""
    merged = dg.Definitions.merge(defs, dg.Definitions(resources={"publisher": publisher}))
    result = merged.resolve_job_def(finance_timeliness.name).execute_in_process(instance=instance)
    assert result.success
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def at(monkeypatch, moment: datetime) -> None:
    """The checks think that it is `moment`."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return moment.astimezone(tz)

    monkeypatch.setattr(timeliness_checks, "datetime", Clock)


def test_each_late_source_has_an_alert_until_its_file_comes(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
    monkeypatch,
    tmp_path,
):
    for source in ("bank", "shop"):
        contract = 'arrival: {by: "18:00"}\n'
        (tmp_path / f"contracts/{source}.yaml").write_text(contract)
        write_feed(landing, source, FIRST, ["1.00"])
    write_feed(landing, "till", FIRST, ["1.00"])
    at(monkeypatch, datetime(2025, 1, 7, 19, tzinfo=UTC))
    alerts = "SELECT key, state FROM ops.alerts WHERE kind = 'finance.feed_late' ORDER BY key"

    told = run_checks(instance, publisher)["feed_arrived"]
    assert not told.passed
    merged = dg.Definitions.merge(defs, dg.Definitions(resources={"publisher": publisher}))
    tick(build_check_alerts(), instance, publisher, merged)
    assert rows(warehouse, "SELECT DISTINCT kind FROM ops.alerts") == [("finance.feed_late",)]
    assert "bank: the file of 2025-01-07 was due at 2025-01-07 18:00 UTC" in told.description
    keys = ["finance.feed_late:bank", "finance.feed_late:shop"]
    assert rows(warehouse, alerts) == [(key, "open") for key in keys]

    write_feed(landing, "bank", FIRST + timedelta(1), ["1.00"])
    assert not run_checks(instance, publisher)["feed_arrived"].passed
    assert rows(warehouse, alerts) == [(keys[0], "closed"), (keys[1], "open")]

    write_feed(landing, "shop", FIRST + timedelta(1), ["1.00"])
    assert run_checks(instance, publisher)["feed_arrived"].passed
    assert rows(warehouse, alerts) == [(key, "closed") for key in keys]


def test_results_that_fall_behind_new_input_fail_their_checks(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
    monkeypatch,
):
    monkeypatch.setenv("ASSAY_BEHIND_MINUTES", "0")
    path = write_feed(landing, "bank", FIRST, ["1.00"])
    behind = run_checks(instance, publisher)
    assert not behind["summaries_keep_up"].passed
    assert behind["detection_keeps_up"].passed

    assert run_days(instance, publisher, FIRST, FIRST).success
    behind = run_checks(instance, publisher)
    assert behind["summaries_keep_up"].passed
    assert not behind["detection_keeps_up"].passed

    assert run_history(instance, publisher).success
    assert all(each.passed for each in run_checks(instance, publisher).values())

    # The same file, put back from a copy that keeps its time of change, is no new input.
    kept = path.stat()
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert path.stat().st_ctime > kept.st_ctime
    assert run_checks(instance, publisher)["summaries_keep_up"].passed
    # A correction by the same name, and another file with an old time, are.
    write_feed(landing, "bank", FIRST, ["2.00"])
    assert not run_checks(instance, publisher)["summaries_keep_up"].passed
    assert run_days(instance, publisher, FIRST, FIRST).success
    more = write_feed(landing, "shop", FIRST, ["2.00"])
    os.utime(more, (0, 0))
    assert not run_checks(instance, publisher)["summaries_keep_up"].passed
    monkeypatch.setenv("ASSAY_BEHIND_MINUTES", "60")
    assert all(each.passed for each in run_checks(instance, publisher).values())


def test_the_checks_run_by_the_clock_and_not_in_the_runs_of_days():
    from user_code.definitions import defs as all_of_it

    repository = all_of_it.get_repository_def()
    schedule = repository.get_schedule_def("finance_timeliness_schedule")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    in_days = {node.name for node in repository.get_job("finance_daily").nodes}
    assert not any("keep" in name or "arrived" in name for name in in_days)

"""The sensor in an instance: what lands becomes run requests, once."""

import re
import time
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from user_code.shared.landing_sensor import build_landing_sensor
from user_code.shared.publishing import Publisher

DAYS = dg.DailyPartitionsDefinition("2000-01-01", end_offset=1)
CALL_SETS = dg.DynamicPartitionsDefinition(name="call_set")


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def transactions() -> None: ...


@dg.asset(partitions_def=CALL_SETS)
def calls() -> None: ...


def day_of(path: str) -> str | None:
    found = re.search(r"-(\d{4}-\d\d-\d\d)\.csv$", path)
    return found[1] if found else None


FINANCE = build_landing_sensor(
    "finance_landing", "finance", dg.define_asset_job("finance", [transactions]), day_of, daily=True
)
GENOMICS = build_landing_sensor(
    "genomics_landing",
    "genomics",
    dg.define_asset_job("genomics", [calls]),
    lambda path: Path(path).name.split(".")[0],
    daily=False,
    dynamic=CALL_SETS,
)


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("ASSAY_SETTLE_SECONDS", "0")
    (tmp_path / "landing/finance/shop").mkdir(parents=True)
    (tmp_path / "landing/genomics").mkdir(parents=True)
    return tmp_path / "landing"


def tick(
    sensor: dg.SensorDefinition,
    publisher: Publisher,
    instance: dg.DagsterInstance,
    cursor: str | None = None,
) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        resources={"publisher": publisher},
        definitions=dg.Definitions(
            assets=[transactions, calls], resources={"publisher": publisher}, sensors=[sensor]
        ),
    )
    result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_days_become_one_range_run_and_unchanged_files_none(
    landing: Path, publisher: Publisher, instance: dg.DagsterInstance
) -> None:
    for day in ("2025-01-01", "2025-01-02", "2025-01-05"):
        (landing / f"finance/shop/shop-{day}.csv").write_text("amount\n")
    first = tick(FINANCE, publisher, instance)
    assert first.run_requests is not None
    assert [
        (request.partition_key, request.tags.get("dagster/asset_partition_range_end"))
        for request in first.run_requests
    ] == [(None, "2025-01-02"), ("2025-01-05", None)]
    again = tick(FINANCE, publisher, instance, first.cursor)
    assert again.run_requests == []
    assert again.skip_reason is not None
    # The daemon died before it stored the cursor: the same requests come again.
    repeated = tick(FINANCE, publisher, instance, None)
    assert repeated.run_requests is not None
    assert [one.run_key for one in repeated.run_requests] == [
        one.run_key for one in first.run_requests
    ]


def test_thousands_of_files_are_far_from_a_ticks_limit(
    landing: Path, publisher: Publisher, instance: dg.DagsterInstance
) -> None:
    first = date(2015, 1, 1)
    for number in range(3000):
        name = f"finance/shop/shop-{first + timedelta(number)}.csv"
        (landing / name).write_text("amount\n" * 100)
    begun = time.monotonic()
    result = tick(FINANCE, publisher, instance)
    assert result.run_requests is not None
    assert len(result.run_requests) == 9  # a year each
    assert tick(FINANCE, publisher, instance, result.cursor).run_requests == []
    assert time.monotonic() - begun < 30  # of 60 s that one tick has
    assert len(result.cursor or "") < 20


def test_a_call_set_is_added_as_a_partition_before_its_run(
    landing: Path, publisher: Publisher, instance: dg.DagsterInstance
) -> None:
    (landing / "genomics/cohort.vcf").write_text("x")
    result = tick(GENOMICS, publisher, instance)
    assert result.run_requests is not None
    assert [one.partition_key for one in result.run_requests] == ["cohort"]
    assert result.dynamic_partitions_requests == [CALL_SETS.build_add_request(["cohort"])]


def test_an_odd_name_opens_an_alert_once_and_its_removal_closes_it(
    landing: Path, publisher: Publisher, instance: dg.DagsterInstance
) -> None:
    odd = landing / "finance/shop/notes.txt"
    odd.write_text("x")
    cursor = None
    for _ in range(2):
        cursor = tick(FINANCE, publisher, instance, cursor).cursor
    assert alert(publisher) == ("open", 1, {"count": 1, "names": ["finance/shop/notes.txt"]})
    odd.unlink()
    tick(FINANCE, publisher, instance, cursor)
    assert alert(publisher)[0] == "closed"


def test_what_can_not_be_read_opens_an_alert_once_and_the_rest_is_computed(
    landing: Path, publisher: Publisher, instance: dg.DagsterInstance
) -> None:
    (landing / "finance/shop/shop-2025-01-01.csv").write_text("amount\n")
    circle = landing / "finance/shop/shop-2025-01-02.csv"
    circle.symlink_to(circle.name)
    first = tick(FINANCE, publisher, instance)
    assert first.run_requests is not None
    assert [one.partition_key for one in first.run_requests] == ["2025-01-01"]
    tick(FINANCE, publisher, instance, first.cursor)
    state, count, facts = alert(publisher)
    assert (state, count, facts["count"]) == ("open", 1, 1)
    assert facts["names"] == ["finance/shop/shop-2025-01-02.csv"]
    assert "chmod a+r" in str(facts)
    circle.unlink()
    circle.write_text("amount\n")
    result = tick(FINANCE, publisher, instance, first.cursor)
    assert result.run_requests is not None
    assert [one.partition_key for one in result.run_requests] == ["2025-01-02"]
    assert alert(publisher)[0] == "closed"


def alert(publisher: Publisher) -> tuple[str, int, dict[str, object]]:
    with publisher.warehouse.transaction() as cursor:
        cursor.execute("SELECT state, count, facts FROM ops.alerts")
        (row,) = cursor.fetchall()
    return row

"""Assets write files and rows together, in order, and only their own partitions."""

from datetime import date
from decimal import Decimal

import dagster as dg
import polars as pl

from user_code.shared.publishing import Publisher

DAYS = dg.DailyPartitionsDefinition("2025-01-01", end_offset=1)


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def totals(context: dg.AssetExecutionContext, publisher: Publisher) -> None:
    with publisher.attempt(context, "finance", "totals") as attempt:
        attempt.publish(
            {
                day: pl.DataFrame({"day": [date.fromisoformat(day)], "total": [Decimal("1.10")]})
                for day in attempt.partitions
            },
        )


@dg.asset(deps=[totals])
def history(context: dg.AssetExecutionContext, publisher: Publisher) -> None:
    with publisher.attempt(context, "finance", "history") as attempt:
        attempt.publish({"all": attempt.scan("finance", "totals")})


def test_a_range_run_publishes_each_day_and_a_whole_asset_reads_them_all(
    publisher: Publisher, instance: dg.DagsterInstance
) -> None:
    result = dg.materialize(
        [totals],
        instance=instance,
        resources={"publisher": publisher},
        tags={
            "dagster/asset_partition_range_start": "2025-01-01",
            "dagster/asset_partition_range_end": "2025-01-03",
        },
    )
    assert result.success
    assert dg.materialize(
        [totals, history],
        selection=[history],
        instance=instance,
        resources={"publisher": publisher},
    ).success
    assert publisher.store.partitions("finance", "totals") == [
        "2025-01-01",
        "2025-01-02",
        "2025-01-03",
    ]
    assert (
        publisher.store.scan("finance", "history", ["all"]).collect()["total"].to_list()
        == [Decimal("1.10")] * 3
    )

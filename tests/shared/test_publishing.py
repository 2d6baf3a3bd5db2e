"""Assets write files and rows together, in order, and only their own partitions."""

from datetime import date
from decimal import Decimal

import dagster as dg
import polars as pl

from user_code.shared.publishing import Attempt, PublishedFacts, Publisher

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


def attempt_at(
    publisher: Publisher, run_id: str, days: list[str], context: object = None
) -> Attempt:
    return Attempt(
        store=publisher.store,
        warehouse=publisher.warehouse,
        context=context or dg.build_op_context(instance=dg.DagsterInstance.ephemeral()),
        domain="finance",
        asset="totals",
        run_id=run_id,
        started_at=publisher.warehouse.now(),
        partitions=days,
    )


def version_of(publisher: Publisher, asset: str, day: str) -> int:
    return publisher.store.scan("finance", asset, [day]).collect()["version"].item()


def test_a_superseded_key_is_left_out_with_what_belongs_beside_it_and_the_others_go_on(
    publisher: Publisher,
) -> None:
    days = ["2025-01-01", "2025-01-02", "2025-01-03"]
    older = attempt_at(publisher, "older", days)
    newer = attempt_at(publisher, "newer", days[1:2])

    def publish(attempt: Attempt, version: int) -> dict[str, PublishedFacts]:
        frame = pl.DataFrame({"version": [version]})
        beside = {
            day: [publisher.store.stage(frame, "finance", "aside", day, run_id=attempt.run_id)]
            for day in attempt.partitions
        }
        return attempt.publish(dict.fromkeys(attempt.partitions, frame), beside=beside)

    publish(newer, 2)
    assert sorted(publish(older, 1)) == [days[0], days[2]]
    for asset in ("totals", "aside"):
        assert [version_of(publisher, asset, day) for day in days] == [1, 2, 1]
    assert not list(publisher.base.rglob("*.tmp"))

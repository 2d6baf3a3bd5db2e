"""An asset that its freshness policy calls stale opens an alert; fresh again, it closes."""

from __future__ import annotations

import dagster as dg

from user_code.shared.asset_facts import asset_link, domain_and_owners
from user_code.shared.freshness_records import freshness_states
from user_code.shared.publishing import Publisher
from user_code.shared.standing_alerts import Finding, bring_up_to_date

KIND = "asset.stale"


def build_freshness_alerts() -> dg.SensorDefinition:
    """The sensor `freshness_alerts`, RUNNING by default, over all assets with a policy."""

    @dg.sensor(
        name="freshness_alerts",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=60,
        description="An asset that is stale by its freshness policy becomes an alert.",
    )
    def look(context: dg.SensorEvaluationContext, publisher: Publisher) -> dg.SensorResult:
        keys = _with_policy(context)
        stale = [
            _finding(context, key, since.isoformat(timespec="seconds"))
            for key, (state, since) in freshness_states(context.instance, keys).items()
            if state == "FAIL"
        ]
        with publisher.warehouse_for_sensor.transaction() as cursor:
            changes = bring_up_to_date(cursor, [KIND], stale)
        return dg.SensorResult(
            skip_reason=f"{len(stale)} of {len(keys)} assets are stale, {changes} changes"
        )

    return look


def _with_policy(context: dg.SensorEvaluationContext) -> list[dg.AssetKey]:
    repository = context.repository_def
    if repository is None:
        return []
    graph = repository.asset_graph
    return sorted(
        (key for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy is not None),
        key=str,
    )


def _finding(context: dg.SensorEvaluationContext, key: dg.AssetKey, since: str) -> Finding:
    name = key.to_user_string()
    domain, owners = domain_and_owners(context, [key])
    return Finding(
        key=f"{KIND}:{name}",
        kind=KIND,
        severity="warning",
        domain=domain,
        subject=f"{name} is stale: its freshness policy expects newer data",
        facts={"asset": name, "owners": owners, "stale_since": since},
        link=asset_link(key),
    )

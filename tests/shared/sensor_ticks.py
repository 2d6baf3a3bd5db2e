"""One tick of a sensor, as the daemon would ask for it, and what it left in ops.alerts."""

from __future__ import annotations

import dagster as dg

from user_code.shared.publishing import Publisher


def tick(
    sensor: dg.SensorDefinition,
    instance: dg.DagsterInstance,
    publisher: Publisher,
    definitions: dg.Definitions,
    cursor: str | None = None,
) -> str | None:
    """Evaluate `sensor` once; the cursor that the daemon would keep."""
    context = dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        resources={"publisher": publisher},
        definitions=definitions,
    )
    result = sensor(context)
    return result.cursor if isinstance(result, dg.SensorResult) else cursor


def alerts(publisher: Publisher) -> dict[str, tuple[str, dict[str, object]]]:
    """State and facts of each alert, by its key."""
    with publisher.warehouse.transaction() as cursor:
        cursor.execute("SELECT key, state, facts FROM ops.alerts")
        return {key: (state, facts) for key, state, facts in cursor.fetchall()}

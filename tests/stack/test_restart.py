"""`make down` and `make up` lose nothing and repeat nothing."""

import time

from assay_stack import AssayStack
from docker_engine import containers
from waiting import wait_for
from webhook import Webhook


def test_down_and_up_again_loses_nothing(
    assay: AssayStack, webhook: Webhook, samples_done: None
) -> None:
    wait_for("quiet", lambda: not assay.api.unfinished(), seconds=240)
    wait_for_all_told(assay)
    before = what_is_kept(assay)
    alerts = len(webhook.bodies)

    assay.script("make", "down")
    assert not containers(f"label=assay.project={assay.project}", "status=running")
    assert not containers(*assay.services(), "status=running")
    assay.up()
    up_at = time.time()

    wait_for("the code location", assay.api.location, seconds=180)
    # Every sensor looks again at all that is there.
    wait_for_each_sensor(assay, since=up_at)
    assert what_is_kept(assay) == before
    assert len(webhook.bodies) == alerts, webhook.bodies[alerts:]


def wait_for_each_sensor(assay: AssayStack, since: float) -> None:
    """Each sensor has looked after that moment."""
    sensors = set(assay.api.sensors())
    wait_for("each sensor's tick", lambda: assay.api.looked_since(since) == sensors, seconds=240)


def wait_for_all_told(assay: AssayStack) -> None:
    """The runs that have ended became alerts, and each alert's news reached its channel."""
    # Runs are looked at once they have ended for a moment (their tags come after their end).
    wait_for_each_sensor(assay, since=time.time() + 5)
    open_news = (
        "select count(*) from ops.alert_transitions as t left join ops.alert_deliveries as d"
        " on d.transition_id = t.id"
        " where t.planned_at is null or (d.key is not null and d.delivered_at is null)"
    )
    wait_for("the last alert's delivery", lambda: assay.psql(open_news) == [["0"]], seconds=240)


def what_is_kept(assay: AssayStack) -> dict[str, object]:
    """Runs, events, results and alerts: what may not change by a restart."""
    tables = ("finance.daily_summary", "genomics.variant_analysis", "ops.partition_commits")
    return {
        "runs": sorted(run["runId"] for run in assay.api.runs()),
        "summaries": len(assay.api.materializations("daily_summary")),
        "alerts": assay.psql("select key, state, count from ops.alerts order by key"),
        **{table: assay.count(table) for table in tables},
    }

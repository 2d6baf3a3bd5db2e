"""A part of the platform stops answering: that is told, and its return, too."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from assay_stack import AssayStack
from docker_engine import docker
from waiting import wait_for
from webhook import Webhook

pytestmark = pytest.mark.usefixtures("samples_done")

CODE = "location.failed:user_code"
POSTGRES = "postgres.away:postgres"
WITHIN_SECONDS = 120
# The web server needs half a minute to notice, and then waits for an answer before it says so.
CODE_WITHIN_SECONDS = 180


@contextmanager
def without(assay: AssayStack, service: str, end: str, begin: str) -> Iterator[None]:
    """A service's container is stopped or paused meanwhile."""
    container = str(assay.service(service)["Id"])
    docker(end, container)
    try:
        yield
    finally:
        docker(begin, container)


def all_told(webhook: Webhook, since: int) -> list[dict[str, str]]:
    """Every alert of the messages after the first `since`."""
    return [
        alert
        for body in webhook.bodies[since:]
        for alert in json.loads(str(body.get("alerts", "[]")))
    ]


def test_an_absent_code_server_is_told_and_its_return(assay: AssayStack, webhook: Webhook) -> None:
    before = len(webhook.bodies)
    try:
        with without(assay, "user_code", "stop", "start"):
            found = wait_for(
                "its absence to be told",
                lambda: webhook.told(CODE, "opened", before),
                CODE_WITHIN_SECONDS,
            )
    finally:
        wait_for("the code location", assay.api.location, seconds=120)
    assert found["severity"] == "critical"
    assert "does not answer" in found["subject"]
    wait_for("its return to be told", lambda: webhook.told(CODE, "closed", before), WITHIN_SECONDS)
    # That its sensors could not look meanwhile is no news beside it.
    kinds = {alert["key"].partition(":")[0] for alert in all_told(webhook, before)}
    assert "tick.failed" not in kinds


def test_a_silent_postgres_is_told_without_it_and_written_down_afterwards(
    assay: AssayStack, webhook: Webhook
) -> None:
    before = len(webhook.bodies)
    # Paused it ends no connection: only its silence tells.
    with without(assay, "postgres", "pause", "unpause"):
        found = wait_for(
            "its silence to be told",
            lambda: webhook.told(POSTGRES, "opened", before),
            WITHIN_SECONDS,
        )
    assert found["severity"] == "critical"
    closed = wait_for(
        "its return to be told", lambda: webhook.told(POSTGRES, "closed", before), WITHIN_SECONDS
    )
    assert closed["first_seen"] == found["first_seen"]
    # Once each: what was told without the outbox is in its books as told.
    told = [alert["change"] for alert in all_told(webhook, before) if alert["key"] == POSTGRES]
    assert told == ["opened", "closed"]
    kept = assay.psql(
        f"select state, severity, facts->>'seconds' <> '' from ops.alerts where key = '{POSTGRES}'"
    )
    assert kept == [["closed", "critical", "t"]]
    booked = assay.psql(
        "select transition, count(*), count(delivered_at) from ops.alert_deliveries"
        f" where key = '{POSTGRES}' group by 1 order by 1"
    )
    assert booked == [["closed", "1", "1"], ["opened", "1", "1"]]
    # The platform works on with the connections that it had, or makes new ones.
    run_id = assay.api.launch("looks_around_inside")
    run = wait_for("a run's end", lambda: assay.api.finished(run_id), seconds=180)
    assert run["status"] == "SUCCESS"
